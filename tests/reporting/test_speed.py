"""How fast a run went: few enough numbers whatever its length, none lost, and its end keeps them."""

import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from billing.core.entries import Note
from billing.core.kinds.charge import CHARGE_LIFE
from billing.core.run_pace import MOST, Counted, RunPace, joined, record_of
from billing.flow.reporting.overview import overview_of
from billing.flow.reporting.proof import invocations_of
from billing.flow.reporting.speed import speed_of
from billing.sandbox.inprocess import InProcess
from tests.flow.retry_world import AGAIN, tried
from tests.flow.world import RUN, Rates, Recording, World, with_latency
from tests.reporting.laws import hold
from tests.reporting.ledgers import Made
from tests.storage.releases import RELEASES
from tests.virtual import run_virtually

GROWTH = st.tuples(st.integers(0, 90_000), st.integers(0, 500), st.integers(0, 20))
# Milliseconds, requests, and those turned away until the next look.
SLOW = Rates(10, 10, 10, 8, 8)


def noted(growth: list[tuple[int, int, int]]) -> tuple[RunPace, Counted]:
    pace, at, total = RunPace(), 0, Counted()
    for ms, sent, limited in growth:
        at, total = at + ms, Counted(total.sent + sent, total.limited + limited, total.resent)
        pace.note(at, total)
    return pace, total


@given(growth=st.lists(GROWTH, max_size=400))
def test_a_record_is_short_and_has_every_request(growth):
    pace, total = noted(growth)
    facts = pace.to_facts(40.0)
    assert len(facts["sent_each"]) <= MOST
    assert (sum(facts["sent_each"]), sum(facts["limited_each"])) == (total.sent, total.limited)
    assert facts["took_ms"] == sum(ms for ms, _, _ in growth)
    read = record_of(facts)
    assert (read.total, read.took_ms, read.allowed) == (total, pace.took_ms, 40.0)
    assert [sent for sent, _ in read.spans] == facts["sent_each"]


@given(runs=st.lists(st.lists(GROWTH, min_size=1, max_size=30), max_size=200))
def test_records_that_are_joined_stay_short_and_lose_no_request(runs):
    each = [noted(growth) for growth in runs]
    series = joined([record_of(pace.to_facts(40.0)) for pace, _ in each])
    assert len(series.spans) <= MOST
    assert sum(sent for sent, _ in series.spans) == sum(total.sent for _, total in each)
    assert sum(limited for _, limited in series.spans) == sum(total.limited for _, total in each)
    assert list(series.begins) == sorted(set(series.begins))
    assert bool(series.begins) is bool(runs)


def test_what_was_sent_in_a_second_stands_in_that_second():
    pace = RunPace()
    for second, sent in enumerate([5, 7, 0, 9], 1):
        pace.note(1000 * second, Counted(pace.total.sent + sent, int(second == 2), 0))
    assert pace.to_facts(1.0)["sent_each"] == [5, 7, 0, 9]
    pace.note(1000 * MOST + 4_000, Counted(21, 1, 0))
    pace.note(1000 * MOST + 5_000, Counted(22, 1, 0))
    assert pace.to_facts(1.0)["sent_each"][:2] == [12, 9]
    assert pace.width_ms == 2_000


def test_a_look_each_second_fills_a_record_to_the_last_span_and_never_over():
    pace = RunPace()
    for second in range(1, 3 * MOST):
        pace.note(1000 * second, Counted(second, 0, 0))
        assert len(pace.sent) <= MOST
        assert len(pace.sent) == -(-second * 1000 // pace.width_ms)
    assert pace.width_ms == 4_000


def test_an_end_that_says_nothing_of_it_is_read_as_one_that_says_nothing():
    assert record_of({"reason": "", "exit_code": 0}) is None
    assert record_of(RunPace().to_facts(1.0) | {"span_ms": 0}) is None
    assert record_of(RunPace().to_facts(1.0) | {"sent": "many"}) is None


def test_the_end_of_a_run_keeps_what_left_while_it_went_on(tmp_path: Path):
    world = World.make(
        tmp_path, with_latency(0.2), items=40, accounts=4, mix={"succeeds": 0.8, "insufficient_funds": 0.2}
    )

    async def main() -> None:
        wire = Recording(InProcess(world.sandbox))
        async with world.services(wire=wire, rates=SLOW) as services:
            await world.plan(services)
            planned = len(wire.requests)
            await world.run(services, limit=10)
            first = len(wire.requests) - planned
            await world.run(services)
            async with world.read() as ledger:
                overview = overview_of(ledger, RUN)
        both = [each.pace for each in overview.proof.invocations]
        assert [pace.total.sent for pace in both] == [first, len(wire.requests) - planned - first]
        assert overview.speed.requests.sent == sum(sent for sent, _ in overview.speed.series.spans)
        assert overview.speed.commands == 2
        assert overview.speed.complete
        assert len(overview.speed.series.begins) == 2
        assert overview.speed.rate <= SLOW.key_rps + 1
        assert max(sent for sent, _ in overview.speed.series.spans) > 0
        assert len(overview.speed.series.spans) > 5, "the run lasts for many seconds of its clock"

    run_virtually(main)


def test_trying_again_keeps_how_fast_it_went_too(tmp_path: Path):
    world = World.make(tmp_path, items=6, accounts=1, mix={"insufficient_funds": 1})

    async def main() -> None:
        await world.charge_all()
        world.sandbox.advance(AGAIN)
        await tried(world)
        async with world.read() as ledger:
            overview = overview_of(ledger, RUN)
        assert [each.pace is not None for each in overview.proof.invocations] == [True, True]
        assert all(each.pace.total.sent for each in overview.proof.invocations)

    run_virtually(main)


def test_a_ledger_of_an_earlier_release_says_of_speed_what_it_knows(tmp_path: Path):
    folder = Path(shutil.copytree(RELEASES / "v3", tmp_path / "v3"))
    with Made(folder / "ledger.db", folder / "ledger.key", RUN, 0).read() as ledger:
        overview = hold(ledger, RUN)
    assert overview.gone, "its sheet was amended"
    assert (overview.speed.commands, overview.speed.lost) == (2, 1)
    assert (overview.speed.requests, overview.speed.series, overview.speed.rate) == (None, None, 0.0)
    assert not overview.speed.complete


def test_a_command_that_was_killed_has_no_end_and_the_next_one_has_its_own(tmp_path: Path):
    world = World.make(tmp_path, items=4, accounts=1)

    async def main() -> None:
        async with world.services() as services:
            await world.plan(services)
            await services.ledger.note_run(RUN, Note.RUN_STARTED, services.ledger.run(RUN).status, {"by": "a@b"})
        async with world.services() as services:
            await world.run(services)
        async with world.read() as ledger:
            found = invocations_of(ledger.run_entries(RUN))
            speed = speed_of(found, ledger.entry_counts(RUN), CHARGE_LIFE)
        assert [bool(each.ended) for each in found] == [False, True]
        assert (found[0].by, found[0].exit_code, found[0].says) == ("a@b", None, "")
        assert found[1].says
        assert (speed.commands, speed.complete) == (1, True)

    run_virtually(main)
