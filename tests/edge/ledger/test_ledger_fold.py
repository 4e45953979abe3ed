"""What is known of an item is the fold of its entries, whatever happened to it."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_tools import a_run, lines, move_for, opened

from billing.core.entries import Move, Note, fold
from billing.core.kinds import LIVES
from billing.core.kinds.charge import CHARGE_LIFE, Event
from billing.edge.ledger.rows import move_of

texts = st.text(max_size=8)
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), texts, st.lists(texts, max_size=3))
facts = st.dictionaries(st.sampled_from(["group", "reason_code", "request_id", "ключ", "n"]), values, max_size=3)
steps = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), facts), max_size=25)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_every_item_is_the_fold_of_its_entries(chosen):
    folded, held, verification = asyncio.run(_walk(chosen))
    assert folded == held
    assert (verification.faults, verification.items) == ((), 3)


async def _walk(chosen):
    """Walk three items through what was chosen; return the folds of their entries, the items, and the check."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = await opened(Path(folder), inline=True)
        await ledger.plan_run(a_run(), lines(0, 1, 2))
        start = [ledger.item(row) for row in (1, 2, 3)]
        for which, choice, details in chosen:
            item = ledger.item(which + 1)
            possible = [event for state, event in LIVES[item.kind].edges if state is item.state]
            names = [*possible, Note.KEY_RENEWED] if item.state not in CHARGE_LIFE.final else []
            if item.object_id and Event.OPEN_REFUSED in names:
                names.remove(Event.OPEN_REFUSED)
            if not names:
                continue
            name = names[choice % len(names)]
            move = move_for(item, name) if isinstance(name, Event) else Move(name)
            move = Move(move.name, move.attempt, move.object_id, move.instrument_id, {**move.facts, **details})
            assert await ledger.record(item, move) == ledger.item(which + 1)
        folded = [
            fold(
                item,
                [
                    move_of(item.kind, entry.name, entry.attempt, entry.facts)
                    for entry in ledger.entries(reference=item.reference)
                    if entry.name != Note.ITEM_PLANNED
                ],
            )
            for item in start
        ]
        held = [ledger.item(item.id) for item in start]
        verification = ledger.verify()
        assert verification.head == ledger.head == [entry.mac for entry in ledger.entries()][-1]
        await ledger.aclose()
        return folded, held, verification
