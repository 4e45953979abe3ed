"""The laws of the table of states hold for any writer, this program or a hand with a database tool."""

from itertools import product

import pytest
from ledger_tools import FORGE, REFUSED, a_run, an_item, brought, lines, move_for, planned

from billing.core.entries import BrokenPromise, Move, Note
from billing.core.errors import LedgerError, LedgerHeld
from billing.core.kinds import LIVES
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import ImpossibleTransition
from billing.core.records import PlannedLine, RunStatus
from billing.edge.ledger import LostRace

IN_EACH_DATABASE = True


async def test_every_edge_of_the_table_can_be_recorded(ledger):
    items = iter(await planned(ledger, len(CHARGE_LIFE.edges)))
    for (state, event), edge in CHARGE_LIFE.edges.items():
        item = await brought(ledger, next(items), state)
        after = await ledger.record(item, move_for(item, event))
        assert (after.state, after.ver) == (edge.to, item.ver + 1), (state, event)
        assert after == ledger.item(item.id)
    assert ledger.verify().faults == ()


async def test_raw_sql_takes_exactly_the_edges_of_the_table(ledger, place):
    items = dict(zip(State, await planned(ledger, len(State)), strict=True))
    assert {item.kind for item in items.values()} == {CHARGE_LIFE.kind}
    for state, item in items.items():
        items[state] = await brought(ledger, item, state)
    forged: dict[tuple[object, ...], bool] = {}
    for (state, item), event, attempt in product(items.items(), Event, (0, 1)):
        for to, intent in product(set(State) - {state}, {item.object_id, item.object_id or f"pi_{item.id}"}):
            edge = LIVES[item.kind].edges.get((state, event))
            may = edge is not None and (edge.to, edge.attempt) == (to, bool(attempt)) and edge.object.allows(intent)
            forged[to, event, intent, attempt, item.id] = may
    with place.by_hand() as conn:
        told = conn.taken(list(forged))
    assert dict(zip(forged, told, strict=True)) == forged


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE items SET object_id = 'pi_other', ver = ver + 1", "the object is set once"),
        ("UPDATE items SET object_id = NULL, ver = ver + 1", "the object is set once"),
        ("UPDATE items SET instrument_id = 'pm_other', ver = ver + 1", "the instrument is set once"),
        ("UPDATE items SET attempt = attempt + 1, ver = ver + 1", "attempts follow one another"),
        ("UPDATE items SET facts = '{}'", "ver grows by one"),
        ("UPDATE items SET amount = 1, ver = ver + 1", "what the plan fixed"),
        ("UPDATE items SET content = '{}', ver = ver + 1", "what the plan fixed"),
        ("DELETE FROM items", "never deleted"),
        ("DELETE FROM lines", "never deleted"),
        ("UPDATE lines SET reason = 'x'", "never edited"),
        ("DELETE FROM runs", "never deleted"),
        ("UPDATE runs SET period = '2026-12'", "never changes"),
        ("UPDATE runs SET revision = revision + 2", "revisions follow"),
        ("UPDATE entries SET facts = '{}'", "never edited"),
        ("DELETE FROM entries", "never deleted"),
        ("UPDATE transitions SET to_state = 'succeeded'", "written once"),
        ("INSERT INTO transitions VALUES ('charge', 'failed', 'prepared', 'ready', 0, 'any')", "before the first run"),
        ("INSERT INTO states VALUES ('charge', 'nowhere', 0, 0)", "before the first run"),
        ("INSERT INTO kinds VALUES ('charge', 'always')", "before the first run"),
        ("UPDATE states SET reopens = 1", "written once"),
        ("UPDATE kinds SET scope = 'always'", "written once"),
        ("DELETE FROM states", "written once"),
        ("DELETE FROM kinds", "written once"),
        ("DELETE FROM transitions", "written once"),
        ("UPDATE meta SET value = ''", "written once"),
        ("INSERT INTO items (id, run, scope, reference, generation, account, payer, amount, currency, digest, content, "
         "state) SELECT id + 1, run, scope, 'new', 0, account, payer, amount, currency, digest, content, 'succeeded' "
         "FROM items", "planned and nothing more"),
        ("INSERT INTO items (id, run, scope, reference, generation, account, payer, amount, currency, digest, content) "
         "SELECT id + 1, run, scope, reference, 1, account, payer, amount, currency, digest, content FROM items",
         "a generation opens only after"),
        ("INSERT INTO items (id, run, scope, reference, generation, account, payer, amount, currency, digest, content) "
         "SELECT id + 1, run, scope, reference, 0, account, payer, amount, currency, digest, content FROM items",
         "UNIQUE|items_obligation"),
    ],
)  # fmt: skip
async def test_the_triggers_refuse_what_no_writer_may_do(ledger, place, sql, says):
    (item,) = await planned(ledger)
    await brought(ledger, item, State.READY)
    with place.by_hand() as conn, pytest.raises(REFUSED, match=says):
        conn.execute(sql)


async def test_failed_is_refused_over_an_intent_that_was_not_seen_cancelled(ledger, place):
    (item,) = await planned(ledger)
    item = await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    item = await ledger.record(item, Move(Note.PART_PREPARED, object_id="pi_1"))
    with pytest.raises(BrokenPromise, match="open_refused forbids an object"):
        await ledger.record(item, Move(Event.OPEN_REFUSED))
    with place.by_hand() as conn, pytest.raises(REFUSED, match="none after one that forbids it"):
        conn.execute(FORGE, (State.FAILED, Event.OPEN_REFUSED, "pi_1", 0, item.id))


async def test_succeeded_is_refused_without_an_intent_on_record(ledger):
    (item,) = await planned(ledger)
    item = await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    with pytest.raises(BrokenPromise, match="charge_succeeded needs an object"):
        await ledger.record(item, Move(Event.CHARGE_SUCCEEDED))
    assert ledger.item(item.id) == item


async def test_two_items_never_share_an_intent_or_a_clone(ledger):
    first, second = await planned(ledger, 2)
    await brought(ledger, first, State.READY)
    second = await ledger.record(second, move_for(second, Event.PREPARE_STARTED))
    for stolen in (Move(Event.PREPARED, None, "pi_1", "pm_new"), Move(Event.PREPARED, None, "pi_new", "pm_1_1")):
        with pytest.raises(BrokenPromise, match="UNIQUE"):
            await ledger.record(second, stolen)
    assert ledger.item(second.id) == second
    assert ledger.verify().faults == ()


async def test_a_write_that_is_late_loses_and_hears_what_stands_there(ledger):
    (item,) = await planned(ledger)
    moved = await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    with pytest.raises(LostRace) as lost:
        await ledger.record(item, Move(Event.ITEM_SKIPPED))
    assert lost.value.item == moved
    assert len(list(ledger.entries())) == 3


async def test_a_late_sighting_is_taken_in_the_state_that_is_found(ledger):
    (item,) = await planned(ledger)
    confirming = await brought(ledger, item, State.CONFIRMING)
    await ledger.record(confirming, Move(Event.CHARGE_LOST))
    after = await ledger.record(confirming, Move(Event.CHARGE_SUCCEEDED, facts={"charge": "ch_1"}))
    assert (after.state, after.ver) == (State.SUCCEEDED, confirming.ver + 2)


async def test_a_sighting_of_another_intent_than_the_one_on_record_is_a_lost_race(ledger):
    (item,) = await planned(ledger)
    preparing = await ledger.record(item, move_for(item, Event.PREPARE_STARTED))
    ready = await ledger.record(preparing, move_for(preparing, Event.PREPARED))
    with pytest.raises(LostRace) as lost:
        await ledger.record(preparing, Move(Event.CHARGE_SUCCEEDED, object_id="pi_orphan"))
    assert lost.value.item == ready


async def test_a_sighting_that_already_stands_there_is_a_lost_race(ledger):
    (item,) = await planned(ledger)
    confirming = await brought(ledger, item, State.CONFIRMING)
    await ledger.record(confirming, Move(Event.CHARGE_SUCCEEDED))
    with pytest.raises(LostRace):
        await ledger.record(confirming, Move(Event.CHARGE_SUCCEEDED))


async def test_moves_recorded_together_are_kept_both_or_neither(ledger):
    first, second = await planned(ledger, 2)
    first = await ledger.record(first, move_for(first, Event.PREPARE_STARTED))
    both = await ledger.record(first, move_for(first, Event.PREPARED), Move(Event.CONFIRM_STARTED))
    assert (both.state, both.ver) == (State.CONFIRMING, first.ver + 2)
    second = await ledger.record(second, move_for(second, Event.PREPARE_STARTED))
    with pytest.raises(ImpossibleTransition):
        await ledger.record(second, move_for(second, Event.PREPARED), Move(Event.ITEM_SKIPPED))
    assert ledger.item(second.id) == second
    assert ledger.verify().faults == ()


async def test_a_generation_opens_only_after_the_last_one_failed_or_was_skipped(ledger):
    first, second = await planned(ledger, 2)
    await brought(ledger, first, State.FAILED)
    await brought(ledger, second, State.UNPAID)
    await ledger.plan_run(a_run("again"), lines(0, generation=1))
    assert ledger.item(3).generation == 1
    with pytest.raises(BrokenPromise, match="generation"):
        await ledger.plan_run(a_run("more"), lines(1, generation=1))
    assert [run.run_id for run in ledger.runs()] == ["again", "coaching-2026-11"]


async def test_a_plan_is_kept_whole_or_not_at_all(ledger):
    def breaking_off():
        yield from lines(*range(5_000))
        raise ValueError("the file ends in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        await ledger.plan_run(a_run(), breaking_off())
    assert (ledger.runs(), list(ledger.entries())) == ([], [])
    await planned(ledger)
    assert ledger.verify().faults == ()


async def test_a_plan_whose_ids_are_derived_otherwise_is_refused(ledger):
    with pytest.raises(BrokenPromise, match="is not the id"):
        await ledger.plan_run(a_run(), [PlannedLine(2, (), an_item(1, item_id="x" * 32))])


async def test_a_line_brings_an_item_or_a_reason(ledger):
    with pytest.raises(BrokenPromise, match="gives no reason"):
        await ledger.plan_run(a_run(), [PlannedLine(2, ("x",))])


async def test_of_two_plans_of_one_revision_the_second_is_refused(ledger):
    await planned(ledger)
    with pytest.raises(LedgerHeld, match="planned by another runner"):
        await ledger.plan_run(a_run(), lines(7))
    assert (await ledger.plan_run(a_run(revision=2), lines(7))).revision == 2


async def test_facts_that_are_not_json_fail_their_caller_alone(ledger):
    (item,) = await planned(ledger)
    for facts in ({"x": object()}, {"x": float("nan")}, {"object_id": "pi_1"}):
        with pytest.raises((TypeError, ValueError, BrokenPromise)):
            await ledger.record(item, Move(Event.ITEM_SKIPPED, facts=facts))
    after = await ledger.record(item, Move(Event.ITEM_SKIPPED, facts={"text": "half a pair: \ud83d", "pair": (1, 2)}))
    assert after.facts == {"text": "half a pair: \ud83d", "pair": [1, 2]}
    assert ledger.item(item.id) == after
    assert ledger.verify().faults == ()


async def test_text_of_any_kind_is_stored_as_it_came(ledger):
    hostile = ["'; DROP TABLE items; --", '"', "\\", "NULL", "a\nb", "\x1b[2J", "%s", "?1", "€ 月 🙂", "' OR 1=1", ""]
    new = [an_item(n, payer=text, content={"d": text}) for n, text in enumerate(hostile)]
    kept = [PlannedLine(n, (text,), item, detail=text) for n, (text, item) in enumerate(zip(hostile, new, strict=True))]
    await ledger.plan_run(a_run(), kept)
    found = list(ledger.report("coaching-2026-11"))
    assert [(line.cells[0], line.detail, line.item.payer, line.item.content["d"]) for line in found] == [
        (text, text, text, text) for text in hostile
    ]
    await ledger.keep_lookups("'; --", {text: {"t": text} for text in hostile})
    assert ledger.lookups("'; --", hostile, "2026-01-01T00:00:00Z") == {text: {"t": text} for text in hostile}


async def test_a_run_starts_once_and_finishes_again_after_it_continued(ledger):
    await planned(ledger)
    await ledger.note_run("coaching-2026-11", Note.RUN_STARTED, RunStatus.RUNNING)
    started = ledger.run("coaching-2026-11").started_at
    await ledger.note_run("coaching-2026-11", Note.RUN_STOPPED, RunStatus.STOPPED, {"reason": "operator"})
    stopped = ledger.run("coaching-2026-11")
    await ledger.note_run("coaching-2026-11", Note.RUN_STARTED, RunStatus.RUNNING)
    running = ledger.run("coaching-2026-11")
    assert (stopped.started_at, running.started_at, running.finished_at) == (started, started, "")
    assert stopped.finished_at > started
    assert ledger.verify().faults == ()
    with pytest.raises(BrokenPromise, match="not in the ledger"):
        await ledger.note_run("nowhere", Note.RUN_STARTED, RunStatus.RUNNING)


async def test_a_ledger_opened_to_read_refuses_to_write(ledger, place):
    (item,) = await planned(ledger)
    reader = await place.open(write=False)
    assert reader.item(item.id) == item
    with pytest.raises(LedgerError, match="read only"):
        await reader.record(item, Move(Event.ITEM_SKIPPED))
    await reader.aclose()


async def test_a_look_up_is_kept_with_the_move_that_brings_it_or_not_at_all(ledger):
    (item,) = await planned(ledger)
    moved = await ledger.record(item, move_for(item, Event.PREPARE_STARTED), keep={"kind": {"pm_1": {"code": "lost"}}})
    assert ledger.lookups("kind", ["pm_1"], "2026-01-01T00:00:00Z") == {"pm_1": {"code": "lost"}}
    for late in (item, moved):
        with pytest.raises((LostRace, ImpossibleTransition)):
            await ledger.record(late, Move(Event.ITEM_SKIPPED), keep={"kind": {"pm_2": {"code": "stolen"}}})
    assert ledger.lookups("kind", ["pm_2"], "2026-01-01T00:00:00Z") == {}
    assert ledger.verify().faults == ()


async def test_moves_of_several_items_are_kept_all_or_none(ledger):
    first, second, third = await planned(ledger, 3)
    start = [(item, [move_for(item, Event.PREPARE_STARTED)]) for item in (first, second)]
    moved = await ledger.record_all(start)
    assert moved == [ledger.item(first.id), ledger.item(second.id)]
    with pytest.raises(LostRace):
        await ledger.record_all([(third, [move_for(third, Event.PREPARE_STARTED)]), start[1]])
    assert ledger.item(third.id) == third
    assert ledger.verify().faults == ()


async def test_an_item_is_found_by_the_object_that_fulfils_it(ledger):
    first, _ = await planned(ledger, 2)
    first = await brought(ledger, first, State.READY)
    assert ledger.by_object(["pi_1", "pi_2"]) == {"pi_1": first}


async def test_an_item_that_is_over_takes_no_object(ledger, place):
    (item,) = await planned(ledger)
    item = await brought(ledger, item, State.SKIPPED)
    with pytest.raises(BrokenPromise, match="one that is over takes no object"):
        await ledger.record(item, Move(Note.SET_ASIDE, object_id="pi_1"))
    assert ledger.item(item.id) == item


async def test_when_an_item_is_due_stands_beside_it_as_its_facts_say(ledger, place):
    (item,) = await planned(ledger)
    told = ("2026-11-30T09:00:00+01:00", "soon", None, "2026-12-01T00:00:00+00:00")
    dues = []
    with place.by_hand() as conn:
        for next_try in told:
            item = await ledger.record(item, Move(Note.SET_ASIDE, facts={"next_try": next_try}))
            dues += conn.execute("SELECT due FROM items").fetchone()
        assert dues == [1_796_025_600_000, None, None, 1_796_083_200_000]
        assert ledger.verify().faults == ()
        with conn.lawless():
            conn.execute("UPDATE items SET due = due + 1")
    assert "details differ" in str(ledger.verify().faults)


async def test_every_entry_says_which_version_of_its_item_it_made(ledger):
    (item,) = await planned(ledger)
    item = await ledger.record(item, move_for(item, Event.PREPARE_STARTED), Move(Note.KEY_RENEWED))
    assert [(entry.ver, entry.chain) for entry in ledger.entries(reference="INV-0000")] == [(0, 0), (1, 0), (2, 0)]
    assert item.ver == 2
