"""A ledger with a chain for each of its writers: all of them are followed, and what was cut out of one is noticed."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from ledger_tools import Place
from postgres_tools import KEY, Written

from billing.core.errors import LedgerError
from billing.core.kinds.charge import Event
from billing.edge.ledger import Verification
from billing.edge.ledger.chain import Head
from billing.edge.ledger.custody.witness import Witness
from billing.edge.ledger.heads import joined, read_heads
from billing.edge.ledger.onlooking import Onlooking
from billing.edge.ledger.postgres.checking import checked
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.reader import PostgresReader
from billing.edge.ledger.questions import Question
from billing.edge.ledger.runs import Runs


@pytest.fixture
def ledger(postgres_url: str) -> Iterator[SimpleNamespace]:
    """A ledger that one planned and two workers moved, by turns, and whoever may do anything to its database."""
    with Written(postgres_url) as planner, Written(postgres_url, "one") as one, Written(postgres_url, "two") as two:
        items = planner.plan(6)
        for event in (Event.PREPARE_STARTED, Event.PREPARED):
            items = [*one.move(items[:2], event), *two.move(items[2:4], event), *one.move(items[4:], event)]
    reader = connect(postgres_url, write=False)
    with psycopg.connect(postgres_url, autocommit=True) as intruder:
        intruder.execute("SET session_replication_role = replica")
        intruder.execute("SET search_path = billing")
        yield SimpleNamespace(reader=reader, intruder=intruder)
    reader.close()


def verified(ledger: SimpleNamespace, *witnesses: Witness) -> Verification:
    return checked(ledger.reader, KEY, witnesses)


def test_every_chain_is_followed_from_the_seal_of_the_ledger(ledger):
    found = verified(ledger)
    assert found.faults == ()
    assert found.heads == read_heads(PostgresReader(ledger.reader))
    assert list(found.heads) == [0, 1, 2]
    assert found.entries == 7 + 2 * 6
    assert found.head == joined(KEY, found.heads).mac.hex()


def test_the_one_head_of_several_chains_is_another_one_when_any_of_them_grows(ledger):
    heads = verified(ledger).heads
    others = [joined(KEY, {**heads, chain: Head(head.seq, bytes(32))}) for chain, head in heads.items()]
    assert len({head.mac for head in (*others, joined(KEY, heads), joined(bytes(32), heads))}) == len(heads) + 2
    assert joined(KEY, {0: heads[0]}) == heads[0]


def test_an_entry_that_was_edited_breaks_its_own_chain_and_no_other(ledger):
    reader = PostgresReader(ledger.reader)
    edited = [row[0] for row in reader.all(Question.EVERY_ENTRY) if row[6] == 1][1]
    ledger.intruder.execute("UPDATE entries SET at = at + 1 WHERE seq = %s", (edited,))
    assert verified(ledger).faults == (f"entry {edited}: does not continue the chain",)


def test_an_entry_that_was_put_into_another_chain_belongs_to_none(ledger):
    heads = verified(ledger).heads
    ledger.intruder.execute("UPDATE entries SET chain = 2 WHERE seq = %s", (heads[1].seq,))
    faults = verified(ledger).faults
    assert f"entry {heads[1].seq}: does not continue the chain" in faults
    assert any(fault.startswith("chain 1: is said to end") for fault in faults)


def test_a_chain_that_lacks_its_end_is_noticed_by_its_row_or_by_its_witness(ledger, tmp_path: Path):
    heads = verified(ledger).heads
    witness = Witness(tmp_path, "1" * 32, tmp_path / "ledger")
    witness.keep(heads[2])
    assert verified(ledger, witness).faults == ()
    cut = heads[2].seq
    ledger.intruder.execute("DELETE FROM entries WHERE seq = %s", (cut,))
    assert any(fault.startswith("chain 2: is said to end") for fault in verified(ledger).faults)
    ledger.intruder.execute(
        "UPDATE chains SET (seq, mac) = (SELECT seq, mac FROM entries WHERE chain = 2 ORDER BY seq DESC LIMIT 1) "
        "WHERE chain = 2"
    )
    before = verified(ledger).faults
    assert not any(fault.startswith("chain 2") for fault in before)
    (told,) = set(verified(ledger, witness).faults) - set(before)
    assert told.startswith(f"entry {cut}, last seen by ")


def test_the_last_entry_that_is_told_is_never_behind_one_that_is_still_being_written(ledger, postgres_url):
    """Two writers commit in another order than they took their numbers in: whoever goes on from there misses none."""
    looking = Onlooking(reader := PostgresReader(ledger.reader), Runs(reader))
    latest = looking.latest()
    assert latest == max(row[0] for row in reader.all(Question.EVERY_ENTRY))
    with Written(postgres_url, "one") as slow, Written(postgres_url, "two") as quick:
        slow.conn.execute("BEGIN")
        ((number,),) = slow.conn.execute("SELECT billing.numbers(1)").fetchone()
        quick.move([item for item in quick.items() if item.ver == 2][:1], Event.CONFIRM_STARTED)
        assert max(row[0] for row in reader.all(Question.EVERY_ENTRY)) > number
        assert latest <= looking.latest() < number
        with reader.at_one_moment():
            slow.conn.execute("ROLLBACK")
            assert looking.latest() < number
        assert looking.latest() > number
        assert looking.version() == sum(head.seq for head in read_heads(reader).values())


def test_a_transaction_says_only_once_behind_which_number_it_writes(ledger, postgres_url):
    with Written(postgres_url, "one") as one:
        one.conn.execute("BEGIN")
        for _ in range(50):
            one.conn.execute("SELECT billing.numbers(2000)")
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %s AND mode = 'ShareLock'"
        assert ledger.intruder.execute(held, (one.conn.info.backend_pid,)).fetchone() == (1,)
        one.conn.execute("ROLLBACK")


def test_whoever_reads_goes_on_by_another_connection_where_one_is_gone(ledger, postgres_url):
    reader = PostgresReader(connect(postgres_url, write=False), lambda: connect(postgres_url, write=False))
    whole = reader.all(Question.EVERY_ENTRY)
    end_it = "SELECT pg_terminate_backend(%s, 10000)"
    ledger.intruder.execute(end_it, (reader._conn.info.backend_pid,))
    with pytest.raises(LedgerError, match="see to the database, then run the same"):
        reader.all(Question.EVERY_ENTRY)
    assert reader.all(Question.EVERY_ENTRY) == whole
    with reader.at_one_moment():
        ledger.intruder.execute(end_it, (reader._conn.info.backend_pid,))
        for _ in range(2):
            with pytest.raises(LedgerError):
                reader.all(Question.EVERY_ENTRY)
    assert list(reader.stream(Question.EVERY_ENTRY)) == whole
    reader.close()
    with pytest.raises(LedgerError):
        reader.first(Question.META)


async def test_who_holds_a_ledger_is_told_again_once_its_server_answers_again(postgres_url, tmp_path):
    place = Place(postgres_url, tmp_path)
    holding, looking = await place.open(), await place.open(write=False)
    assert looking.holder() == holding.holder()
    assert looking.holder() is not None
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", (looking._looking.info.backend_pid,))
    assert looking.holder() is None
    assert looking.holder() == holding.holder()
    await looking.aclose()
    await holding.aclose()
