"""The page that a controller signs: its numbers are those of the JSON, its texts are texts, and it prints whole."""

import json
from itertools import pairwise

import pytest

from billing.cli.reconcile_view import as_text
from billing.core.items import Mode
from billing.core.money import CURRENCIES
from billing.core.reconciling.kinds import HEADINGS, MEANINGS, Kind
from billing.core.wording import MINUS
from billing.edge.outputs import EXPORT, PLAN, RECONCILIATION, REPORT
from billing.flow.reconciling.reconcile import Reconciled
from billing.flow.reporting import reconciliation
from billing.flow.reporting.comparison import comparison_of
from billing.flow.reporting.payouts import payouts_of
from billing.flow.reporting.reconciliation import Proof, reconciliation_page
from tests.reporting.browser import NARROW, OUTLINE, PHONE, SHAPES, SIDEWAYS, WIDE, shown
from tests.reporting.ledgers import Made, made

browsed = pytest.mark.asyncio(loop_scope="module")
TABLES = """Object.fromEntries([...document.querySelectorAll('.statement')].map((table) => [
    table.caption.textContent.trim(),
    [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()))]))"""
FOUND = """[...document.querySelectorAll('.found tbody tr:not(.kind):not(.sum)')].map((row) =>
    [...row.cells].map((cell) => cell.innerText.trim()))"""
PROOF = Proof(head="0" * 64, again="billing reconcile coaching-2026-11")


def page_of(done: Made) -> tuple[str, dict]:
    """The page of a made run, and the JSON of the same comparison."""
    with done.read() as ledger:
        record = ledger.run(done.run_id)
        found = comparison_of(ledger, record)
        page = "".join(reconciliation_page(found, payouts_of(ledger, record), record.mode, PROOF))
        each = {name: getattr(found, name) for name in ("scope", "as_of", "results", "unread")}
        return page, json.loads(json.dumps(Reconciled(**each, pages=0).summary()))


@pytest.fixture(scope="module")
def told(plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "november.html"
    page, facts = page_of(plain)
    path.write_text(page, "utf-8")
    return path, facts


@pytest.fixture(scope="module")
def hostile_page(attacked, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "november.html"
    path.write_text(page_of(attacked)[0], "utf-8")
    return path


def minor(text: str, code: str) -> int:
    digits = text.replace(",", "").replace(MINUS, "-").replace(" ", " ").split(" ")[-1]
    return round(float(digits) * 10 ** CURRENCIES[code].exponent)


@browsed
async def test_the_numbers_of_the_page_are_those_of_the_json(browser, told):
    path, facts = told
    async with shown(browser, path) as page:
        tables, found = await page.look(TABLES), await page.look(FOUND)
    assert facts["totals"]
    for code, sums in facts["totals"].items():
        net = {
            words: [minor(cell, code) for cell in cells]
            for words, *cells in tables[f"{code.upper()}: from line to net"]
        }
        assert net["Net for the accounts"] == [sums["net"], sums["stripe"]["net"], sums["difference"]]
        charged = next(cells for words, cells in net.items() if words.startswith("Charged"))
        assert charged[:2] == [sums["charged"], sums["stripe"]["charged"]]
        bank = [(words, minor(cell, code)) for words, cell in tables[f"{code.upper()}: from net to bank"]]
        assert [money for _, money in bank[:2]] == [sums["paid_out"], sums["on_its_way"]]
        assert dict(bank).get("Held on the balance after a failed payout", 0) == sums["held"]
        assert bank[-1] == ("Net at Stripe", sums["stripe"]["net"])
    lines = [one for one in facts["discrepancies"] if one["kind"] != "payout_failed"]
    assert sorted((row[2], row[3]) for row in found if row[2]) == sorted(
        (one["reference"] or "no line", one["account"]) for one in lines
    )
    shown_money = [minor(row[1], row[1][:3].lower()) for row in found if len(row) == 5 and row[3]]
    told_money = [one["amount"] for one in facts["discrepancies"]]
    assert sorted(shown_money) == sorted(told_money)


@browsed
@pytest.mark.parametrize("view", [WIDE, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_screen_reader_finds_nothing_missing(browser, told, scheme, view):
    async with shown(browser, told[0], color_scheme=scheme, viewport=view, bypass_csp=True) as page:
        assert await page.complaints() == []


@browsed
@pytest.mark.parametrize("view", [NARROW, PHONE, {"width": 761, "height": 900}, WIDE])
async def test_nothing_has_to_be_pushed_sideways(browser, told, hostile_page, view):
    for path in (told[0], hostile_page):
        async with shown(browser, path, viewport=view) as page:
            assert await page.look(SIDEWAYS) == 0


@browsed
async def test_every_section_has_a_heading_and_a_link(browser, told):
    async with shown(browser, told[0]) as page:
        links = await page.look("[...document.querySelectorAll('nav a')].map((each) => each.hash.slice(1))")
        sections = await page.look("[...document.querySelectorAll('main section[id]')].map((each) => each.id)")
        levels = [int(tag[1]) for tag, _ in await page.look(OUTLINE)]
    assert links == sections == ["difference", "bank", "also", "payouts", "accounts", "sign"]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@browsed
async def test_hostile_texts_are_texts_and_make_no_element_no_request_and_no_error(browser, told, hostile_page):
    async with shown(browser, told[0]) as harmless, shown(browser, hostile_page) as page:
        assert set(await page.look(SHAPES)) <= set(await harmless.look(SHAPES))
        assert await page.tab.title() == await harmless.tab.title()
        assert (page.said, page.sent) == ([], [])


@browsed
async def test_what_is_signed_is_printed_whole(browser, told):
    async with shown(browser, told[0], color_scheme="dark") as page:
        await page.tab.emulate_media(media="print")
        assert not await page.tab.locator("nav").first.is_visible()
        assert await page.look("getComputedStyle(document.querySelector('#sign')).breakInside") == "avoid"
        assert await page.texts("#sign h3") == ["Prepared", "Reviewed"]
        assert await page.look("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_findings_and_payouts_that_are_not_shown_are_in_the_sums(plain, monkeypatch):
    whole, facts = page_of(plain)
    monkeypatch.setattr(reconciliation, "SHOWN", 1)
    monkeypatch.setattr(reconciliation, "PAYOUTS_SHOWN", 1)
    monkeypatch.setattr(reconciliation, "ACCOUNTS_SHOWN", 1)
    short, _ = page_of(plain)
    several = {one["kind"] for one in facts["discrepancies"]
               if sum(other["kind"] == one["kind"] for other in facts["discrepancies"]) > 1}  # fmt: skip
    assert several
    assert short.count("more: the JSON has all") == len(several) + 1
    assert short.count('class="sum"') == whole.count('class="sum"')
    assert len(short) < len(whole)


def test_the_file_is_known_again_and_is_no_other_output(plain, tmp_path):
    head = page_of(plain)[0].encode()[:65_536]
    assert RECONCILIATION.is_own(head)
    assert not any(other.is_own(head) for other in (PLAN, EXPORT, REPORT))


def test_every_kind_has_a_heading_and_a_meaning():
    assert set(HEADINGS) == set(MEANINGS) == set(Kind)


def test_a_live_run_does_not_say_that_no_money_moved(tmp_path):
    test, _ = page_of(made(tmp_path / "test", 30))
    live, _ = page_of(made(tmp_path / "live", 30, live=True))
    assert "Test mode: no money moved." in test
    assert "Test mode" not in live
    assert f"/{Mode.TEST}/" in test
    assert f"/{Mode.TEST}/" not in live


def test_no_line_of_the_terminal_is_wider_than_eighty_columns_with_amounts_of_billions(plain):
    with plain.read() as ledger:
        found = comparison_of(ledger, ledger.run(plain.run_id))
    for one in found.results.values():
        for sums in one.sums.values():
            for place in sums.ours:
                sums.ours[place] *= 10**6
                sums.theirs[place] *= 10**6
            sums.paid_out *= 10**6
    each = {name: getattr(found, name) for name in ("scope", "as_of", "results", "unread")}
    lines = list(as_text(Reconciled(**each, pages=3, head="0" * 64), Mode.TEST, "UTC"))
    assert max(map(len, lines)) <= 80
    assert any("By connected account" in line for line in lines)
