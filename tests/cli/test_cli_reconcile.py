"""A run held against Stripe by the real command, beside a sandbox in a process of its own."""

import csv
import json
import stat
from decimal import Decimal
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from cli_tools import ID, KEY, RUN

from billing.core.money import CURRENCIES

DAYS = 12 * 86_400
PLACES = ("charged", "refunded", "disputed", "stripe_fees", "application_fees", "net", "paid_out", "difference",
          "explained")  # fmt: skip
FINDING = ("kind", "account", "reference", "object", "ours", "stripe", "amount", "currency", "says")


@pytest.fixture
def charged(billing, rehearsal):
    """The command beside a sandbox, after a run whose money is in the bank."""
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_RECONCILE_RATE": "500"}
    ended = billing("run", "rehearsal.csv", *RUN, "--yes", "--rate", "200")
    assert ended.code in (0, 4, 5), ended.err
    rehearsal.ask("clock", {"advance_seconds": DAYS})
    billing("settle", "--rate", "200")
    return billing


def opened(rehearsal, paid: dict) -> str:
    """Open a payment beside a paid one, under the name of its line; return it."""
    marks = {f"metadata[{name}]": value for name, value in paid["metadata"].items()}
    body = urlencode({"amount": paid["amount"], "currency": paid["currency"], **marks}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Stripe-Account": paid["account"]}
    with urlopen(Request(f"{rehearsal.url}/v1/payment_intents", data=body, headers=headers), timeout=10) as answer:  # noqa: S310
        return json.loads(answer.read())["id"]


def compared(billing, *more: str) -> tuple[int, dict]:
    ended = billing("reconcile", ID, "--output", "json", *more)
    return ended.code, json.loads(ended.out)


def assert_statements_tie(billing, told: dict) -> None:
    """Hold that the statements of all accounts come to what the comparison has printed."""
    ended = billing("report", ID, "--per-account", "statements")
    assert ended.code == 0, ended.err
    with (billing.folder / "statements" / "index.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    for code, sums in told["totals"].items():
        mine = [row for row in rows if row["currency"] == code.upper()]
        net, arrived = (sum(Decimal(row[name]) for row in mine) for name in ("net", "arrived"))
        scale = 10 ** CURRENCIES[code].exponent
        assert (net * scale, arrived * scale) == (sums["stripe"]["net"], sums["paid_out"])


def test_a_run_is_held_against_stripe_in_every_form_and_reports_have_its_fees(charged, rehearsal):
    code, told = compared(charged)
    assert (code, told["exit_code"], told["discrepancies"]) == (0, 0, [])
    assert all(set(PLACES) <= set(sums) for sums in told["totals"].values())
    assert told["matched"] == told["items"] > 0
    assert_statements_tie(charged, told)
    paid = next(row for row in rehearsal.ask("books")["intents"] if row["paid"])
    charge = next(row for row in csv.DictReader(charged("report", ID, "--format", "csv").out.splitlines())
                  if row["payment_intent"] == paid["intent"])  # fmt: skip
    assert float(charge["amount_charged"]) == pytest.approx(
        float(charge["stripe_fee"]) + float(charge["application_fee_charged"] or 0) + float(charge["net"])
    )
    assert charge["payout"].startswith("po_")
    made = rehearsal.ask("dispute", {"account": paid["account"], "charge": charge["charge"], "reason": "fraudulent"})
    code, told = compared(charged)
    (found,) = told["discrepancies"]
    assert (code, found["kind"], found["object"]) == (4, "disputed", made["id"])
    assert set(FINDING) <= set(found)
    assert told["totals"][found["currency"]]["difference"] == found["amount"]
    assert_statements_tie(charged, told)
    text = charged("reconcile", ID, "-o", "november.txt")
    assert text.code == 4
    assert "One item explains the whole difference of" in text.out
    assert (charged.folder / "november.txt").read_text() == text.out
    assert max(map(len, text.out.splitlines())) <= 80
    page = charged("reconcile", ID, "-o", "november.html")
    assert page.code == 4
    written = (charged.folder / "november.html").read_text("utf-8")
    assert "One item explains the whole difference of" in written
    assert made["id"] in written
    assert f"billing reconcile {ID}" in written
    assert stat.S_IMODE((charged.folder / "november.html").stat().st_mode) == 0o600
    assert charged("reconcile", ID, "-o", "november.html").code == 4  # over its own older one
    assert charged("reconcile", "--period", "2026-11").code == 4
    orphan = opened(rehearsal, paid)
    ended = charged("reconcile", ID, "--close-orphans")
    assert (ended.code, "--yes" in ended.err, orphan in ended.err) == (2, True, True)
    code, told = compared(charged, "--close-orphans", "--yes")
    assert (code, [(each["object"], each["closed"]) for each in told["closed"]]) == (4, [(orphan, True)])
    status = charged("status", ID)
    assert "compared with Stripe" in status.out
    assert "1 discrepancy" in status.out


@pytest.mark.parametrize(("typed", "says"), [
    ((), "name a run, or a period"),
    (("a-2026-11", "--period", "2026-11"), "not both"),
    (("a-2026-11", "-o", "november.pdf"), "suffix"),
    (("--period", "1999-01"), "no test run"),
    (("nothing-2026-11",), "no run"),
])  # fmt: skip
def test_what_cannot_be_compared_is_refused_before_anything_is_sent(finished, typed, says):
    before = finished.rehearsal.ask("requests")["total"]
    ended = finished.billing("reconcile", *typed)
    assert ended.code == 2
    assert says in ended.err
    assert finished.rehearsal.ask("requests")["total"] == before
