"""Measure what a charge costs with each ledger: ``python -m tests.bench.ledgers [--items N] [--in-flight 200 32]``.

The shipped flow charges against one server that answers at once, its ledger in a SQLite file and in a PostgreSQL that
is started for it, with every setting of safety and over TCP. Rounds alternate and the best of each counts. What the
database's own processes take is told beside: they may run on another machine.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import uvloop

from tests.bench.cost import MEMORY_FILE_SYSTEMS, Figure, Server, file_system, serving, shipped
from tests.postgres import Server as Database
from tests.postgres import fresh_database, private_server

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a charge took: of this process, and of the processes of the database."""

    figure: Figure
    database_ms: float
    kilobytes: float

    @property
    def both(self) -> float:
        """Milliseconds of processor time in all."""
        return self.figure.cpu_ms + self.database_ms


def seconds(database: Database) -> float:
    """Return the processor time that a database has taken: of its first process, of the ended, and of the rest."""
    first, total = database.pid(), 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended, and is counted with those
                continue
            if int(folder.name) == first:
                total += sum(map(int, fields[11:15]))
            elif int(fields[1]) == first:
                total += sum(map(int, fields[11:13]))
    return total / TICKS


def stored_in(url: str) -> int:
    """Return how many bytes the tables of a ledger take, indexes and what updates have left behind among them."""
    sql = """SELECT sum(pg_total_relation_size(pg_class.oid)) FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = 'billing' AND relkind = 'r'"""
    with psycopg.connect(url) as conn:
        (found,) = conn.execute(sql).fetchone() or (0,)
    return int(found)


@contextmanager
def watched(database: Database, items: int) -> Iterator[list[float]]:
    """Append to the list what the database takes within the block for each of so many items, in milliseconds."""
    told: list[float] = []
    began = seconds(database)
    yield told
    told.append((seconds(database) - began) / items * 1000)


def one_round(items: int, in_flight: int, server: Server, database: Database, where: Path | None) -> list[Cost]:
    """Charge with each ledger once.

    Raises:
        RuntimeError: a ledger would lie in memory, or a charge was not made.
    """
    costs = []
    for client in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory(dir=where) as folder, fresh_database(database.url()) as url:
            for place in (Path(folder), database.folder):
                if file_system(place) in MEMORY_FILE_SYSTEMS:
                    raise RuntimeError(f"{place} is in memory: a ledger there is not durable")
            ledger = url if client == "PostgreSQL" else ""
            with watched(database, items) as taken:
                figure = uvloop.run(shipped(items, in_flight, server, Path(folder), ledger, client))
            stored = stored_in(url) / items / 1000 if ledger else 0.0
            costs.append(Cost(figure, taken[0] if ledger else 0.0, stored))
    return costs


def measure(items: int, in_flight: int, rounds: int, where: Path | None) -> list[Cost]:
    """Return the best cost with each ledger."""
    best: dict[str, Cost] = {}
    with serving() as server, private_server() as database:
        for _ in range(rounds):
            for cost in one_round(items, in_flight, server, database, where):
                kept = best.setdefault(cost.figure.client, cost)
                best[cost.figure.client] = min(kept, cost, key=lambda one: one.figure.cpu_ms)
    return list(best.values())


def table(costs: list[Cost]) -> str:
    """Return the costs of one number in flight, each beside its ratio to SQLite."""
    first = costs[0]
    heads = ("in flight", "ms CPU", "x SQLite", "database", "both", "x SQLite", "items/s", "kB/item")
    lines = [f"{'ledger':12}" + "".join(f"{head:>11}" for head in heads)]
    for cost in costs:
        own, all_of_it = cost.figure.cpu_ms / first.figure.cpu_ms, cost.both / first.both
        lines.append(
            f"{cost.figure.client:12}{cost.figure.in_flight:11}{cost.figure.cpu_ms:11.3f}{own:11.2f}"
            f"{cost.database_ms:11.3f}{cost.both:11.3f}{all_of_it:11.2f}{cost.figure.items_per_second:11.0f}"
            + (f"{cost.kilobytes:11.1f}" if cost.kilobytes else f"{'':11}")
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, and print a table for each number in flight."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ledgers", description=__doc__)
    parser.add_argument("--items", type=int, default=3_000)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[200, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="on the disk that shall be measured; a new folder is made there")
    asked = parser.parse_args()
    sys.stdout.write(f"{asked.items:,} charges, best of {asked.rounds}; planning and keeping count for the database\n")
    for in_flight in asked.in_flight:
        sys.stdout.write("\n" + table(measure(asked.items, in_flight, asked.rounds, asked.folder)))


if __name__ == "__main__":
    main()
