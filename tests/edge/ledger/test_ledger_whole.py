"""A ledger that nothing has touched since it was closed is not read entry by entry; any other one is."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger_tools import RUN, brought, opened, planned, raw, unguarded

from billing.core.entries import Note
from billing.core.errors import LedgerDamaged
from billing.core.kinds.charge import State
from billing.core.records import RunStatus
from billing.edge.ledger.custody import checksum as whole
from billing.edge.ledger.custody.checksum import FileChecksum
from billing.edge.ledger.custody.keyfile import read_key


async def closed(folder: Path) -> FileChecksum:
    """Leave a closed ledger with an item that was paid, and return its sum."""
    ledger = await opened(folder)
    (item,) = await planned(ledger)
    await brought(ledger, item, State.SUCCEEDED)
    await ledger.aclose()
    key_file = folder / "keys" / "ledger.key"
    key, _ = read_key(key_file, live=False)
    return FileChecksum(key_file.parent / "heads", key, folder / "ledger.db")


def forge(folder: Path) -> None:
    """Call the paid item planned, as somebody would who wants it charged again."""
    with raw(folder) as conn:
        triggers = unguarded(conn)
        conn.execute("UPDATE items SET state = 'planned'")
        for trigger in triggers:
            conn.execute(trigger)


async def test_a_closed_ledger_is_untouched_until_anything_writes_to_it(tmp_path):
    kept = await closed(tmp_path)
    assert kept.untouched()
    forge(tmp_path)
    assert not kept.untouched()
    with pytest.raises(LedgerDamaged, match="its entries say succeeded"):
        await opened(tmp_path)


async def test_a_look_leaves_the_sum_and_any_write_makes_a_new_one(tmp_path):
    kept = await closed(tmp_path)
    before, written = kept.file.read_text(), kept.file.stat().st_mtime_ns
    await (await opened(tmp_path)).aclose()
    assert kept.file.stat().st_mtime_ns == written
    ledger = await opened(tmp_path)
    await ledger.keep_lookups("account", {"acct_0": {}})
    await ledger.aclose()
    assert kept.file.read_text() != before
    assert kept.untouched()


async def test_the_sum_is_what_is_believed_so_it_must_be_made_with_the_ledgers_own_key(tmp_path):
    kept = await closed(tmp_path)
    forge(tmp_path)
    FileChecksum(kept.folder, b"another key", kept.path).keep()
    with pytest.raises(LedgerDamaged):
        await opened(tmp_path)
    kept.keep()  # whoever holds the key can say anything: the entries are not read
    ledger = await opened(tmp_path)
    assert ledger.item(1).state is State.PLANNED
    assert ledger.verify().faults != ()
    await ledger.aclose()


async def test_a_log_that_was_not_carried_over_means_a_full_check(tmp_path):
    kept = await closed(tmp_path)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as conn:
        conn.execute("PRAGMA wal_autocheckpoint = 0")
        conn.execute("INSERT INTO lookups VALUES ('account', 'acct_forged', 1, '{}', x'00')")
        conn.commit()
        assert not kept.untouched()
        kept.keep()
        assert not kept.file.exists()


async def test_an_older_copy_with_its_own_sum_is_refused_all_the_same(tmp_path):
    kept = await closed(tmp_path)
    older, its_sum = (tmp_path / "ledger.db").read_bytes(), kept.file.read_bytes()
    ledger = await opened(tmp_path)
    await ledger.keep_lookups("account", {"acct_0": {}})
    await ledger.note_run(RUN, Note.RUN_STARTED, RunStatus.RUNNING)
    await ledger.aclose()
    (tmp_path / "ledger.db").write_bytes(older)
    kept.file.write_bytes(its_sum)
    assert kept.untouched()
    with pytest.raises(LedgerDamaged, match="older copy"):
        await opened(tmp_path)


@pytest.mark.parametrize("broken", [b"", b"{", b"[]", b'{"sum": null}', b'{"sum": "00"}', b"\xff"])
async def test_a_sum_that_cannot_be_read_costs_a_full_check_and_nothing_else(tmp_path, broken):
    kept = await closed(tmp_path)
    kept.file.write_bytes(broken)
    assert not kept.untouched()
    await (await opened(tmp_path)).aclose()
    assert kept.untouched()


async def test_every_byte_of_a_file_of_many_pieces_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(whole, "PIECE", 10_000)
    monkeypatch.setattr(whole, "READ", 3_000)
    kept = await closed(tmp_path)
    kept.keep()
    original, dice = bytearray(kept.path.read_bytes()), random.Random(5)
    for place in [0, 9_999, 10_000, len(original) - 1, *(dice.randrange(len(original)) for _ in range(30))]:
        changed = bytearray(original)
        changed[place] ^= 1
        kept.path.write_bytes(changed)
        assert not kept.untouched(), place
    kept.path.write_bytes(original[:-1])
    assert not kept.untouched()
    kept.path.write_bytes(original)
    assert kept.untouched()
