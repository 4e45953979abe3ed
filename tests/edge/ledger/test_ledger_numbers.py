"""Entries and chains as each database numbers them: no other program slips one in, and no chain is moved by hand."""

import pytest
from ledger_tools import REFUSED, brought, planned

from billing.core.kinds.charge import State

COPIED = "at, name, {of}, ver, {chain}, attempt, facts, mac FROM entries WHERE item IS NULL LIMIT 1"


def copied(number: int, of: str = "run, item", chain: str = "chain") -> str:
    """Return the statement that writes the entry of the plan once more, changed."""
    return f"INSERT INTO entries SELECT {number}, {COPIED.format(of=of, chain=chain)}"


@pytest.mark.parametrize(
    ("place", "sql", "says"),
    [
        ("sqlite", copied(99), "without a gap"),
        ("sqlite", "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 1", "without a gap"),
        ("postgres", copied(0), "numbers ascend in each chain"),
        ("postgres", copied(99, chain="7"), "numbers ascend in each chain"),
        ("postgres", copied(99, of="7, item"), "run and item are there"),
        ("postgres", copied(99, of="run, 7"), "run and item are there"),
        ("postgres", "UPDATE chains SET seq = seq - 1", "they only grow"),
        ("postgres", "UPDATE chains SET worker = 'w-9'", "what names a chain never changes"),
        ("postgres", "DELETE FROM chains", "never deleted"),
        ("postgres", "INSERT INTO chains SELECT 1, 'w-9', seq, mac FROM chains", "begun at the seal"),
        (
            "postgres",
            "INSERT INTO chains SELECT 9, 'w-9', 0, decode(value, 'hex') FROM meta WHERE name = 'seal'",
            "without a gap",
        ),
    ],
    indirect=["place"],
)
async def test_no_hand_numbers_an_entry_or_moves_a_chain(ledger, place, sql, says):
    (item,) = await planned(ledger)
    await brought(ledger, item, State.READY)
    with place.by_hand() as conn, pytest.raises(REFUSED, match=says):
        conn.execute(sql)
    assert ledger.verify().faults == ()


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
async def test_what_a_hand_writes_within_the_laws_is_found_by_the_check(ledger, place):
    await planned(ledger)
    with place.by_hand() as conn:
        conn.execute(copied(99))
    assert "entry 99" in str(ledger.verify().faults)
