"""Time every question to a ledger in PostgreSQL: ``python -m tests.bench.questions [--items 1000000] [--url URL]``.

The items are planned for real, by the writer of a ledger, in one large run and thirty small ones. Then the database
itself moves them, with the laws off for that moment: paid, declined or still to come, four entries for each. Printed is
of each question how long it takes, the rows of its answer, and the tables that it reads from their beginning.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import psycopg

from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds import LIVES
from billing.core.records import NewItem, PlannedLine, RunRecord
from billing.edge.ledger.committer import Committer, Work
from billing.edge.ledger.identity import described
from billing.edge.ledger.planning import plan_run
from billing.edge.ledger.postgres.connecting import connect
from billing.edge.ledger.postgres.questions import QUESTIONS
from billing.edge.ledger.postgres.reader import PostgresReader
from billing.edge.ledger.postgres.store import PostgresStore
from billing.edge.ledger.postgres.tables import create_if_missing, own_chain
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import as_list
from tests.postgres import a_database

PLATFORM, KEY, AT = "acct_P", bytes(32), 1_761_984_000_000
SMALL = 30
STATES = as_list(sorted(LIVES[Kind.CHARGE].states))
MOVED = """
SET session_replication_role = replica;
WITH became AS (SELECT id, run, CASE WHEN id %% 10 < 8 THEN 'succeeded' ELSE 'failed' END AS state,
        CASE WHEN id %% 10 < 8 THEN 'charge_succeeded' ELSE 'intent_cancelled' END AS event
    FROM items WHERE id %% 10 < 9),
moved AS (UPDATE items SET state = became.state, attempt = 1, ver = 3, last_event = became.event,
        object_id = 'pi_' || items.id, instrument_id = 'pm_' || items.id, facts = CASE became.state
        WHEN 'succeeded' THEN '{"group":"paid","seen":true}' ELSE '{"group":"declined","reason_code":"do_not_honor"}'
        END FROM became WHERE items.id = became.id)
INSERT INTO entries (seq, at, name, run, item, ver, chain, attempt, facts, mac)
    SELECT nextval('entry_numbers'), %s, CASE ver WHEN 1 THEN 'prepare_started' WHEN 2 THEN 'confirm_started'
        ELSE event END, run, id, ver, 0, 1, '{}', decode(repeat('00', 32), 'hex')
    FROM became CROSS JOIN generate_series(1, 3) AS ver ORDER BY run, id / 500, ver;
UPDATE chains SET seq = (SELECT max(seq) FROM entries);
INSERT INTO lookups SELECT 'method', 'acct_' || n %% 100 || '/pm_' || n, %s, '{"customer":"cus_' || n || '"}', ''
    FROM generate_series(1, %s) AS n;
SET session_replication_role = origin;
"""


def fill(url: str, items: int) -> float:
    """Plan so many items and move most of them; return the seconds of planning."""
    conn = connect(url, write=True)
    create_if_missing(conn, lambda: described(KEY, "0" * 32, "2026-11-01T00:00:00.000Z"))
    committer = Committer(PostgresStore(conn, own_chain(conn, "")), KEY, lambda: AT, "the ledger")
    small = items // 100
    sizes = [(items - SMALL * small, "2026-11"), *((small, f"{2000 + n}-01") for n in range(SMALL))]
    began, first = time.perf_counter(), 0
    for size, period in sizes:
        record, lines = _run(period), _lines(period, first, size)
        committer.commit([Work(lambda tx, of=(record, lines): plan_run(tx, *of), alone=True)])
        first += size
    seconds = time.perf_counter() - began
    for text in filter(str.strip, MOVED.split(";\n")):
        conn.execute(text, [AT, items][: text.count("%s")])
    conn.execute("ANALYZE")
    conn.close()
    return seconds


def _run(period: str) -> RunRecord:
    sums = {"file_sha256": "f" * 64, "plan_digest": "d" * 64, "revision": 1}
    header = {"columns": ["reference", "amount"]}
    return RunRecord(f"coaching-{period}", PLATFORM, "coaching", period, Mode.TEST, Kind.CHARGE, header, **sums)


def _lines(period: str, first: int, size: int) -> Iterator[PlannedLine]:
    for n in range(first, first + size):
        reference, customer = f"INV-{n:07d}", f"cus_{n * 2 // 3}"
        name = item_id(Mode.TEST, PLATFORM, period, reference, 0, Kind.CHARGE)
        item = NewItem(
            name, Kind.CHARGE, reference, 0, f"acct_{n % 300 if n % 4 else 0}", customer, 500 + n % 10_000, "usd",
            f"{n:064x}", {"customer": customer, "description": "November coaching", "payment_intent": f"pi_x{n}"},
        )  # fmt: skip
        yield PlannedLine(n + 2, (reference, "10.00"), item)
        if n % 1_000 == 0:
            yield PlannedLine(n + 2, (f"bad {n}",), reason="invalid", detail="amount: 12,5O is no amount")


def asked(items: int) -> Mapping[str, Any]:
    """Return values for every question to what `fill` has made: the second run is one of the small ones."""
    middle = items // 2
    return {
        "run_id": "coaching-2026-11", "run": 1, "revision": 1, "platform": PLATFORM, "mode": "test", "kind": "charge",
        "period": "2026-11", "always": False, "scope": 1, "state": "planned", "states": as_list(["planned", "ready"]),
        "account": "acct_0", "accounts": as_list(f"acct_{n}" for n in range(500)), "after": middle, "most": 50,
        "event": "charge_succeeded", "unless": "charge_unsettled", "since": AT, "begins": as_list(["charge_unsettled"]),
        "ends": as_list(["charge_succeeded"]), "back": as_list(["payment_returned"]), "item": middle,
        "references": as_list(f"INV-{n:07d}" for n in range(middle, middle + 500)), "reference": f"INV-{middle:07d}",
        "objects": as_list(f"pi_{n}" for n in range(middle, middle + 500)), "object": f"pi_{middle}",
        "name": "customer", "value": f"cus_{middle}", "names": as_list(f"acct_{n % 100}/pm_{n}" for n in range(500)),
        "first": "acct_7", "last": "acct_7\U0010ffff", "payer": f"cus_{middle}", "minors": as_list([777, 7770]),
        "items": as_list([middle]), "before": items, "number": middle, "settled": 2**62,
    }  # fmt: skip


OTHERWISE: Mapping[Question, Mapping[str, Any]] = {
    Question.RUN_ENTRIES: {"run": 2},
    Question.ENTRY_COUNTS: {"run": 2},
    Question.ENTRIES: {"after": 0, "run": 2},
    Question.ENTRIES_OF_ITEMS: {"after": 0, "run": None},
    Question.LATEST_STOP: {"name": "run_stopped"},
    Question.NOTE: {"after": 0, "names": as_list(["run_stopped"])},
    Question.LOOKUPS: {"kind": "method"},
    Question.KEPT: {"kind": "method", "first": "acct_7/", "last": "acct_7/\U0010ffff"},
    Question.ABOUT: {"kind": "method", "first": "acct_7/", "last": "acct_7/\U0010ffff"},
    Question.REFERENCES: {"first": "INV-00007", "last": "INV-00007\U0010ffff"},
    Question.PAYERS: {"first": "cus_7", "last": "cus_7\U0010ffff"},
    Question.OBJECTS: {"first": "pi_7", "last": "pi_7\U0010ffff"},
    Question.INSTRUMENTS: {"first": "pm_7", "last": "pm_7\U0010ffff"},
    Question.ACCOUNTS: {"states": STATES},
    Question.ON_ACCOUNT: {"states": STATES},
    Question.ACCOUNT_SUMS: {"states": STATES},
    Question.OF_KIND: {"kind": "refund"},
    Question.UNDOING: {"kind": "refund", "name": "payment_intent"},
    Question.UPGRADES: {"name": "ledger_upgraded"},
}
# What is asked otherwise than `asked` says.
LATEST = {Question.TOUCHED, Question.RECENT}
# Behind an entry near the last one.


def values(question: Question, items: int, last_entry: int) -> dict[str, Any]:
    """Return the values of a question."""
    special: Mapping[str, Any] = OTHERWISE.get(question, {})
    special = {**special, "before": last_entry} if question is Question.NOTE else special
    special = {**special, "after": last_entry - 20_000} if question in LATEST else special
    special = {**special, "last": items // 2 + 2_000} if question is Question.ENTRIES_BETWEEN else special
    return {**asked(items), **special}


def steps(
    conn: psycopg.Connection[tuple[Any, ...]], question: Question, given: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return every step of the plan of a question."""
    (((plan,),),) = conn.execute(f"EXPLAIN (FORMAT JSON) {QUESTIONS[question]}", given).fetchall()
    waiting, found = [plan["Plan"]], []
    while waiting:
        found.append(waiting.pop())
        waiting += found[-1].get("Plans", ())
    return found


def scanned(found: list[dict[str, Any]]) -> list[str]:
    """Return the tables that a plan reads from their beginning."""
    return sorted({step["Relation Name"] for step in found if step["Node Type"] == "Seq Scan"})


def _timed(reader: PostgresReader, question: Question, given: Mapping[str, Any]) -> tuple[float, int]:
    best, rows = float("inf"), 0
    for _ in range(3):
        began = time.perf_counter()
        rows = sum(1 for _ in reader.stream(question, given))
        best = min(best, time.perf_counter() - began)
        if best > 1:
            break
    return best, rows


@contextmanager
def _database(url: str | None) -> Iterator[str]:
    with nullcontext(url) if url else a_database() as given:
        yield given


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.questions", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database to fill; without it a server is started")
    parser.add_argument("--filled", action="store_true", help="the database of --url was filled before")
    given = parser.parse_args()
    with _database(given.url) as url:
        if not given.filled:
            sys.stdout.write(f"{given.items:,} items planned in {fill(url, given.items):.0f} s\n")
        conn = connect(url, write=False)
        reader = PostgresReader(conn)
        ((last,),) = reader.all(Question.LAST_ENTRY)
        for question in Question:
            asks = values(question, given.items, last)
            seconds, rows = _timed(reader, question, asks)
            whole = ", ".join(scanned(steps(conn, question, asks)))
            sys.stdout.write(f"{question:20} {1000 * seconds:10.2f} ms {rows:10,} rows  {whole}\n")
            sys.stdout.flush()
        conn.close()


if __name__ == "__main__":
    main()
