"""What a ledger gives to those who serve its payers' links."""

from ledger_tools import RUN, a_run, lines, opened

from billing.core.items import Kind
from billing.edge.ledger.custody.keyfile import link_key, read_key

IN_EACH_DATABASE = True


async def test_the_key_of_links_is_the_same_whoever_opens_the_ledger_and_is_not_the_ledgers_own(tmp_path):
    ledger = await opened(tmp_path)
    found = ledger.link_key
    await ledger.aclose()
    reader = await opened(tmp_path, write=False)
    key, _ = read_key(tmp_path / "keys" / "ledger.key", live=False)
    assert found == reader.link_key == link_key(key) != key
    await reader.aclose()


async def test_each_item_of_a_kind_is_found_by_its_id_and_only_those_above_a_row_are_read_again(ledger):
    await ledger.plan_run(a_run(), lines(0, 1))
    await ledger.plan_run(a_run("other-2026-12", "2026-12"), lines(0, period="2026-12"))
    found = dict(ledger.ids(Kind.CHARGE))
    assert {row: ledger.item(row).item_id for row in (1, 2, 3)} == found
    assert ledger.item(1).run_id == RUN
    assert list(ledger.ids(Kind.CHARGE, 2)) == [(3, found[3])]
    assert list(ledger.ids(Kind.PAYER)) == []
