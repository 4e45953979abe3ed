"""More than a thousand damages that change data: each is noticed by `verify` and by the next run's opening.

(edge/ledger/README.md, "Threats")
"""

import random
from collections import Counter
from collections.abc import Iterable

import pytest

from billing.edge.ledger.custody.witness import Witness
from tests.storage.damages import TABLES, Damage, Original, any_damage, content, edits, judged, made, rollbacks

SEEDS, DAMAGES_A_SEED = 4, 280


@pytest.fixture
def original(scratch) -> Original:
    """A ledger that ran and settled, and all its past."""
    return made(scratch)


async def all_noticed(original: Original, damages: Iterable[Damage]) -> Counter[str]:
    """Do every damage in turn; return how many of each kind changed data."""
    counted: Counter[str] = Counter()
    for number, damage in enumerate(damages):
        verdict = await judged(original, damage)
        assert not verdict.overlooked, f"damage {number}: {verdict.overlooked} overlooked {damage.kind}: {damage.what}"
        counted[damage.kind] += verdict.counted
    return counted


def told(counted: Counter[str]) -> str:
    return f"damages: {counted.total():,} that changed data, all noticed by verify and by the next run"


async def test_an_edit_of_any_column_is_noticed(original, record_property):
    counted = await all_noticed(original, edits(original, random.Random(1)))
    assert counted.total() > 150
    record_property("evidence", told(counted))


async def test_every_older_copy_is_noticed(original, record_property):
    counted = await all_noticed(original, rollbacks(original))
    assert counted.total() > 15
    record_property("evidence", told(counted))


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_changes_data_is_noticed(original, seed, record_property):
    dice = random.Random(seed)
    counted = await all_noticed(original, (any_damage(dice, original) for _ in range(DAMAGES_A_SEED)))
    assert counted.total() > DAMAGES_A_SEED / 2
    record_property("evidence", told(counted))


async def test_the_undamaged_ledger_is_sound_so_that_noticing_means_something(original):
    """The bench itself: laid down unchanged, closed or as a kill leaves it, nothing counts and nobody refuses it."""
    for damage in (
        Damage("none", "as closed", lambda it: it.lay(it.closed)),
        Damage("none of the log", "as killed", lambda it: it.lay(*it.killed, it.heads_when_killed)),
    ):
        assert not (await judged(original, damage)).counted
        forced = Original(**{name: getattr(original, name) for name in Original.__dataclass_fields__})
        forced.now = forced.then = {table: [] for table in TABLES}  # as if all data had changed
        assert (await judged(forced, damage)).overlooked == "verify and the next run"


def _entries(original, copy):
    original.path.write_bytes(copy)
    return len(content(original.path)["entries"])


async def test_the_newest_copy_is_refused_when_one_entry_is_missing(original):
    """The least roll-back there is: only the witness of the very last commit can tell."""
    witness = Witness(
        original.folder / "heads", next(name for name in original.heads if not name.startswith(".")), original.path
    )
    newest = next(copy for copy in reversed(original.copies) if _entries(original, copy) < len(original.now["entries"]))
    assert _entries(original, newest) == len(original.now["entries"]) - 1
    original.lay(newest)
    assert witness.seen().seq == len(original.now["entries"])
    verdict = await judged(original, Damage("roll-back", "the newest copy", lambda it: it.lay(newest)))
    assert verdict.counted
    assert verdict.overlooked == ""
