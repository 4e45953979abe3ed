"""Measure what the order of items is worth: ``python -m tests.bench.order [--items N] [--accounts N] [--json FILE]``.

Virtual time, so the figures are the same on every machine: the makespan of each order over the bound that no order can
beat, for the twelve workloads of the law in `tests.pace.test_makespan`, and for one account that answers slowly.
"""

import argparse
import json
import random
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from billing.core.entries import ItemRecord
from billing.flow.engine.scheduler import Scheduler
from tests.pace.workloads import (
    ACCOUNT_SHARES,
    SHAPES,
    Paper,
    Took,
    Workload,
    rehearse,
    shipped,
    slow_workload,
    workload,
)


class Row:
    """Items in one fixed order: whoever is next is started as soon as a slot is free."""

    pause = None

    def __init__(self, items: Iterable[ItemRecord]) -> None:
        self._items = deque(items)

    @property
    def remaining(self) -> int:
        return len(self._items)

    def next(self) -> ItemRecord | None:
        return self._items.popleft() if self._items else None

    def done(self, item: ItemRecord, **_: bool) -> None:
        """Nothing is learnt."""


def _items(work: Workload) -> list[ItemRecord]:
    paper = Paper(work.items)
    found = [item for account in work.counts for item in paper.work("r", (), account, 0, len(work.items))]
    return sorted(found, key=lambda item: item.id)


def by_file(_scheduler: Scheduler, work: Workload) -> Row:
    """As the file has them: sorted by account."""
    return Row(_items(work))


def shuffled(_scheduler: Scheduler, work: Workload) -> Row:
    """At random, once."""
    items = _items(work)
    random.Random(7).shuffle(items)
    return Row(items)


def round_robin(_scheduler: Scheduler, work: Workload) -> Row:
    """One item of each account in turn."""
    seen: dict[str, int] = {}
    turns = []
    for item in _items(work):
        seen[item.account] = seen.get(item.account, 0) + 1
        turns.append((seen[item.account], item.id, item))
    return Row(item for _, _, item in sorted(turns, key=lambda turn: turn[:2]))


ORDERS: dict[str, Callable[[Scheduler, Workload], Any]] = {
    "file order": by_file,
    "shuffled": shuffled,
    "round-robin": round_robin,
    "longest remaining": shipped,
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One workload in one order: seconds, the same over the bound, and the longest wait of an account in seconds."""

    workload: str
    account_share: float
    order: str
    bound: float
    seconds: float
    ratio: float
    longest_wait: float
    others_ratio: float = 0.0


def _figure(name: str, share: float, order: str, work: Workload, took: Took, others: float = 0.0) -> Figure:
    if took.done != Counter(range(1, len(work.items) + 1)):
        raise RuntimeError(f"{name}, {order}: not every item was done exactly once")
    bound = work.bound()
    ratio = took.seconds / bound
    return Figure(name, share, order, bound, took.seconds, ratio, took.longest_wait(), others)


def measure(items: int, accounts: int, rps: float) -> Iterable[Figure]:
    """Run every workload in every order."""
    for shape in SHAPES:
        for share in ACCOUNT_SHARES:
            work = workload(shape, share, items, accounts, rps)
            for name, order in ORDERS.items():
                yield _figure(shape, share, name, work, rehearse(work, order))
    work, slow = slow_workload(items // 2, accounts // 2, rps)
    for name, order in ORDERS.items():
        took = rehearse(work, order)
        others = took.end_without(account=slow) / work.bound(without=slow)
        yield _figure("one account 50 x slower", 100, name, work, took, others)


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.order", description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--rps", type=float, default=100 / 3, help="items a second in all (three requests each)")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    sys.stdout.write(f"{asked.items:,} items, {asked.accounts} accounts, {asked.rps:.3g} items/s\n")
    heads = f"{'workload':26}{'Ra %':>6}{'bound s':>9}  {'order':20}{'x bound':>9}{'wait s':>9}{'others':>9}\n"
    sys.stdout.write(heads)
    figures = []
    for found in measure(asked.items, asked.accounts, asked.rps):
        figures.append(found)
        others = f"{found.others_ratio:9.3f}" if found.others_ratio else ""
        sys.stdout.write(
            f"{found.workload:26}{found.account_share:6g}{found.bound:9.1f}  {found.order:20}{found.ratio:9.3f}"
            f"{found.longest_wait:9.1f}{others}\n"
        )
        sys.stdout.flush()
    if asked.json is not None:
        asked.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
