"""A lost ledger comes back from Stripe's metadata: every item right, nobody charged again, nothing sent but reads."""

import random
import shutil
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import parse_qs

import anyio
import pytest

from billing.cli.endings import run_table
from billing.core.entries import ItemRecord
from billing.core.errors import (
    CredentialsError,
    InvalidInput,
    LedgerDamaged,
    LedgerError,
    ProviderUnreachable,
    RunStopped,
    UsageError,
)
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.core.keys import item_id
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.records import RunStatus
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.sqlite.opening import open_ledger
from billing.edge.pacing.throttle import Rates, Throttle
from billing.edge.runfiles import RunDefaults, open_run
from billing.edge.secrets import ApiKey
from billing.edge.stripe.calls.charge import metadata
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Gateway
from billing.flow.carry_out import agree_to_all, carry_out_run
from billing.flow.kinds.charge.rebuilding.rebuild import RebuildOptions, rebuild
from billing.flow.kinds.charge.rebuilding.window import window
from billing.flow.options import RunOptions
from billing.flow.planning.decisions import decisions
from billing.flow.planning.plan import PlanOptions, keep, make_plan, plan_offline
from billing.flow.planning.preflight import Preflight
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.sandbox import intents, methods
from billing.sandbox.accounts import revoke
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from billing.sandbox.refusals import Refusal
from billing.sandbox.world import Call
from tests.flow.test_bad_day import bad_day, finish
from tests.flow.world import RUN, Recording, World, with_latency
from tests.virtual import run_virtually

LIST = "payment_intents.list"
SUCCEEDING = {"succeeds": 1}
ITEMS = 5_000
SWIFT = Rates(1e6, 1e6, 1e6, 256, 256)
MIXED = {"succeeds": 0.5, "insufficient_funds": 0.2, "stolen_card": 0.1, "debit_succeeds": 0.1, "not_clonable": 0.1}


class Killed(BaseException):
    """The process is gone: nothing of ours may catch it."""


class CutWire:
    """A wire whose process dies as the nth list is asked for."""

    def __init__(self, wire, after: int) -> None:
        self._wire = wire
        self._left = after

    async def send(self, request):
        if request.method.upper() == "GET" and "/payment_intents?" in request.url:
            self._left -= 1
            if self._left < 0:
                raise Killed
        return await self._wire.send(request)

    async def aclose(self) -> None:
        await self._wire.aclose()


class CutLedger:
    """A ledger whose process dies right after its nth durable write."""

    WRITES = ("plan_run", "note_run", "record", "keep_lookups")

    def __init__(self, ledger, after: int) -> None:
        self._ledger = ledger
        self._left = after

    def __getattr__(self, name):
        if name not in self.WRITES:
            return getattr(self._ledger, name)

        async def write(*args, **more):
            done = await getattr(self._ledger, name)(*args, **more)
            self._left -= 1
            if self._left < 0:
                raise Killed
            return done

        return write


def lose(world: World, *, key: bool = False) -> None:
    """Delete the ledger; its key and its witness too, if asked."""
    for path in world.folder.glob("ledger.db*"):
        path.unlink()
    if key:
        (world.folder / "ledger.key").unlink()
        shutil.rmtree(world.folder / "heads")


@contextmanager
def the_file(world: World):
    with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=world.policies)) as source:
        yield source


async def rebuilt(world: World, *, wire=None, cut: int | None = None, **options):
    """Rebuild in a process of its own."""
    async with world.services(wire=wire, making=Making.ANEW) as services:
        if cut is not None:
            services.ledger = CutLedger(services.ledger, cut)
        with the_file(world) as source:
            return await rebuild(services, source, RebuildOptions(**options))


async def rebuilt_in_the_end(world: World) -> None:
    """Rebuild on the same bad day, as often as it takes; the run stays closed meanwhile."""
    for _ in range(20):
        try:
            await rebuilt(world)
        except ProviderUnreachable:
            await refused_run(world)
        else:
            return
    raise AssertionError("never rebuilt")


async def rebuilt_over(world: World, wire):
    return await rebuilt(world, wire=wire)


async def next_run(world: World) -> list:
    """What `billing run` and `billing resolve` send after a rebuild: every POST of theirs."""
    wire = Recording(InProcess(world.sandbox))
    async with world.services(wire=wire) as services:
        await world.plan(services)
        await world.run(services)
        await world.resolve(services)
    return [request for request in wire.requests if request.method.upper() == "POST"]


def test_nothing_is_charged_from_where_a_ledger_was_lost_until_it_is_rebuilt(tmp_path):
    world = World.make(tmp_path, items=2)
    run_virtually(world.charge_all)
    lose(world)
    with pytest.raises(LedgerDamaged, match=r"was here and is gone.*billing ledger rebuild"):
        run_virtually(world.charge_all)
    run_virtually(rebuilt, world)
    assert run_virtually(next_run, world) == []


async def plan_alone(world: World) -> None:
    """Plan as somebody does who thinks that the loss does not matter, and stop there."""
    async with world.services(making=Making.ANEW) as services:
        await world.plan(services)


async def planned_and_run(world: World, services) -> None:
    await world.plan(services)
    await world.run(services)


async def refused_run(world: World) -> None:
    """A run in between is refused, and sends nothing."""
    wire = Recording(InProcess(world.sandbox))
    async with world.services(wire=wire) as services:
        with pytest.raises(RunStopped, match="billing ledger rebuild"):
            await planned_and_run(world, services)
    assert [request for request in wire.requests if request.method.upper() == "POST"] == []


def right_state(rows) -> State | None:
    """What an item must be by the books alone; None when it has no intent."""
    if any(row.paid for row in rows):
        return State.SUCCEEDED
    if any(row.pending for row in rows):
        return State.UNSETTLED
    if any(row.confirms and row.status != "canceled" for row in rows):
        return State.UNPAID
    if any(row.status != "canceled" for row in rows):
        return State.PREPARING
    return State.FAILED if rows else None


async def right_items(world: World) -> int:
    """Count the items whose state and intent are what the books say; those without an intent hold none."""
    books = world.sandbox.books().by_item()
    count = 0
    for item in await world.item():
        rows = books.get(item.item_id, [])
        wanted = right_state(rows)
        if wanted is None:
            count += item.object_id is None and item.state in (State.PLANNED, State.SKIPPED)
        else:
            count += item.state is wanted and item.object_id in {row.intent for row in rows}
    return count


def touched_intents(posts) -> set[str]:
    """The intents that confirms and cancels went to."""
    parts = [request.url.split("?")[0].split("/") for request in posts]
    return {part[-2] for part in parts if part[-1] in ("confirm", "cancel")}


def opened_items(posts) -> list[str]:
    """The items that new intents were opened for."""
    opens = [request for request in posts if request.url.endswith("/v1/payment_intents")]
    return [parse_qs((request.body or b"").decode())["metadata[billing_item]"][0] for request in opens]


async def lost_and_found(world: World, *, key: bool) -> None:
    """Lose the ledger, rebuild it, hold it against the books, continue: only what was never opened is begun."""
    before = world.sandbox.books()
    lose(world, key=key)
    await rebuilt_in_the_end(world)
    world.sandbox.faults.clear()
    found = {item.item_id: item for item in await world.item()}
    assert world.sandbox.books() == before, "a rebuild changes nothing at Stripe"
    assert await right_items(world) == len(found) == len(world.scenario.rows)
    await world.assert_true()
    posts = await next_run(world)
    resting = {
        item.object_id
        for item in found.values()
        if item.state in CHARGE_LIFE.final | {State.UNSETTLED}
        or (item.state is State.UNPAID and not item.facts.get("fence"))
    }
    assert touched_intents(posts).isdisjoint(resting)
    assert set(opened_items(posts)) <= {item.item_id for item in found.values() if item.state is State.PLANNED}
    await world.assert_true()


@pytest.mark.parametrize("key", [False, True], ids=["key kept", "key lost"])
@pytest.mark.parametrize("seed", range(6))
def test_after_a_bad_day_every_item_is_right_again_and_nobody_is_charged_twice(tmp_path, seed, key):
    world = bad_day(tmp_path, 400 + seed)
    run_virtually(finish, world)
    run_virtually(lambda: lost_and_found(world, key=key))
    assert world.sandbox.books().doubles() == []


async def cut_short(world: World, chance: random.Random) -> None:
    """Runners that die, and a clock that outlives the keys at times."""
    for _ in range(chance.randint(1, 4)):
        with anyio.move_on_after(chance.uniform(0.3, 3.0)):
            await world.charge_all()
        if chance.random() < 0.3:
            world.sandbox.advance(chance.choice([600, 25 * 3600]))


@pytest.mark.parametrize("seed", range(12))
def test_a_ledger_lost_in_the_middle_of_a_run_comes_back_and_the_run_goes_on(tmp_path, seed):
    world = bad_day(tmp_path, 500 + seed)
    run_virtually(cut_short, world, random.Random(seed))
    run_virtually(lambda: lost_and_found(world, key=seed % 2 == 0))
    assert world.sandbox.books().doubles() == []


@asynccontextmanager
async def swift_desk(world: World, wire):
    """A desk whose writers share commits, as those of the command do: 5,000 items need few of them."""
    clock = ProviderClock(wall=lambda: world.sandbox.now)
    url, key = f"sqlite:///{world.folder / 'ledger.db'}", world.folder / "ledger.key"
    ledger = await open_ledger(url, key_file=key, clock=clock.now, purpose=RUN, making=Making.ANEW)
    try:
        gateway = Gateway(
            wire,
            ApiKey("sk_test_worldworldworld"),
            mode=Mode.TEST,
            platform=world.sandbox.world.platform.id,
            throttle=Throttle(SWIFT),
            clock=clock,
            api_base="http://127.0.0.1",
        )
        yield Services(ledger, gateway, clock, Mode.TEST, gateway.platform, SWIFT)
    finally:
        await ledger.aclose()


def charge_at_stripe(world: World) -> None:
    """Leave at Stripe what a run of the file leaves there: what the gateway sends, without a gateway and a ledger."""
    provider = world.sandbox.world
    with the_file(world) as source:
        plan = plan_offline(source, None, provider.platform.id)
        news = [decision.new for _, decision in decisions(plan, source, None)]
    for new in news:
        made = (
            new.reference,
            new.generation,
            new.account,
            new.payer,
            new.amount,
            new.currency,
            new.digest,
            new.content,
            State.PLANNED,
        )
        item = ItemRecord(0, new.item_id, RUN, new.kind, *made)
        account = provider.accounts[item.account]

        def call(*ids: str, account=account, **params) -> Call:
            return Call(provider, account, connected=True, livemode=False, ids=ids, params=params)

        fee, text = item.content["application_fee"], item.content["description"]
        opening = {"amount": item.amount, "currency": item.currency, "application_fee_amount": fee}
        intent = intents.create(call(**opening, description=text, metadata=metadata(item)))
        clone = methods.create(call(customer=item.payer, payment_method=item.content["payment_method"]))
        with suppress(Refusal):  # declined
            intents.confirm(call(intent["id"], payment_method=clone["id"], off_session=True))


async def swift_rebuild(world: World, wire) -> None:
    """Bring everything back."""
    async with swift_desk(world, wire) as services:
        with the_file(world) as source:
            await rebuild(services, source, RebuildOptions())


def test_five_thousand_items_come_back_right_and_none_is_charged_again(tmp_path, record_property):
    world = World.make(tmp_path, with_latency(0.0), items=ITEMS, accounts=5)
    charge_at_stripe(world)
    wire = Recording(InProcess(world.sandbox))
    anyio.run(swift_rebuild, world, wire)
    right = run_virtually(right_items, world)
    posts = run_virtually(next_run, world)
    charged = sum(request.url.endswith("/confirm") for request in posts)
    lists = [request for request in wire.requests if "/payment_intents?" in request.url]
    per_account = Counter(row.account for row in world.scenario.rows)
    assert (right, charged, opened_items(posts)) == (ITEMS, 0, [])
    assert {request.method.upper() for request in wire.requests} == {"GET"}
    assert len(lists) == sum(-(-count // 100) for count in per_account.values())
    told = f"lost ledger rebuilt: {right:,} of {ITEMS:,} items right, then {charged} charges sent"
    record_property("evidence", told)


def facts(world: World) -> list:
    """What a rebuild came to, without the row numbers and times."""
    return [
        (item.item_id, item.state, item.object_id, item.instrument_id, item.attempt, item.facts.get("reason_code"))
        for item in run_virtually(world.item)
    ]


def small_day(folder) -> World:
    """A finished run with every ending, on three accounts."""
    world = World.make(folder, items=24, accounts=3, mix=MIXED, items_per_customer=2)
    world.script(FaultKind.STORED_500_DONE, "payment_intents.create", times=2)
    run_virtually(lambda: world.charge_all(limit=20))
    return world


def test_killed_after_any_write_it_goes_on_to_the_same_end_and_no_run_starts_in_between(tmp_path):
    world = small_day(tmp_path)
    lose(world)
    run_virtually(rebuilt, world)
    whole = facts(world)
    cuts = 0
    while killed_after(world, cuts):
        if not _complete(world):
            run_virtually(refused_run, world)
        run_virtually(rebuilt, world)
        assert facts(world) == whole, f"killed after write {cuts + 1}"
        cuts += 1
    brought_up = sum(item.object_id is not None for item in run_virtually(world.item))
    assert cuts >= brought_up + len(["rebuild_begun", "run_planned", "rebuild_finished"])
    assert len(run_virtually(next_run, world)) > 0, "the items that were never opened are charged now"
    run_virtually(world.assert_true)


def killed_after(world: World, writes: int) -> bool:
    """Lose the ledger and rebuild it in a process that dies; tell whether it did."""
    lose(world)
    try:
        run_virtually(lambda: rebuilt(world, cut=writes))
    except BaseException as gone:
        if not _was_killed(gone):
            raise
        return True
    return False


def _was_killed(error: BaseException) -> bool:
    inner = getattr(error, "exceptions", ())
    return isinstance(error, Killed) or (bool(inner) and all(_was_killed(each) for each in inner))


def _complete(world: World) -> bool:
    """Whether the last word of a rebuild is durable."""

    async def look() -> bool:
        async with world.services() as services:
            return any(entry.name == "rebuild_finished" for entry in services.ledger.entries())

    return run_virtually(look)


def test_killed_at_any_page_nothing_is_kept_and_no_run_starts(tmp_path):
    world = World.make(tmp_path, with_latency(0.01), items=220, accounts=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    for page in range(3):
        lose(world)
        with pytest.raises(BaseException) as gone:
            run_virtually(rebuilt_over, world, CutWire(InProcess(world.sandbox), page))
        assert _was_killed(gone.value)
        assert run_virtually(world.item) == []
        run_virtually(refused_run, world)
    run_virtually(rebuilt, world)
    assert run_virtually(right_items, world) == 220
    assert run_virtually(next_run, world) == []


def test_a_page_that_cannot_be_read_keeps_the_run_closed_until_one_can(tmp_path):
    world = small_day(tmp_path)
    lose(world)
    world.script(FaultKind.UNAVAILABLE_503, LIST, nth=2, times=1000)
    with pytest.raises(ProviderUnreachable):
        run_virtually(rebuilt, world)
    assert run_virtually(world.item) == []
    run_virtually(refused_run, world)
    world.sandbox.faults.clear()
    run_virtually(rebuilt, world)
    assert run_virtually(right_items, world) == 24


def test_a_rebuild_in_progress_cannot_be_got_round_with_amend(tmp_path):
    world = small_day(tmp_path)
    assert killed_after(world, 3)

    async def amend() -> None:
        world.file.write_text(world.file.read_text() + _line(world, reference="INV-99999"))
        async with world.services() as services:
            await world.plan(services, amend=True)

    with pytest.raises(LedgerError, match="billing ledger rebuild"):
        run_virtually(amend)


def _line(world: World, **changes) -> str:
    row = replace(world.scenario.rows[0], **changes)
    return replace(world.scenario, rows=(row,)).as_csv().split("\n", 1)[1]


def test_a_file_that_is_not_the_one_charged_is_refused_with_every_problem_and_keeps_nothing(tmp_path):
    world = World.make(tmp_path, items=6, accounts=2, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    lose(world)
    right = world.file.read_text()
    rows = list(world.scenario.rows)
    rows[0] = replace(rows[0], amount_minor=rows[0].amount_minor + 100)
    rows[1] = replace(rows[1], description="another")
    edited = replace(world.scenario, rows=(*rows[:2], *rows[3:]))
    world.file.write_text(edited.as_csv())
    with pytest.raises(InvalidInput) as refused:
        run_virtually(rebuilt, world)
    assert [(p.line, p.code, p.reference) for p in refused.value.problems] == [
        (2, "not_what_was_charged", "INV-00001"),
        (3, "not_what_was_charged", "INV-00002"),
        (0, "line_missing", "INV-00003"),
    ]
    assert run_virtually(world.item) == []
    run_virtually(refused_run, world)
    world.file.write_text(right)
    run_virtually(rebuilt, world)
    assert run_virtually(next_run, world) == []


def intents_of(world: World, n: int) -> list[dict]:
    """The sandbox's own bodies of the intents of row n."""
    row = world.scenario.rows[n]
    held = world.sandbox.world.accounts[row.account]["pi"]
    return [body for body in held if body["metadata"]["billing_reference"] == row.reference]


def beside(world: World, n: int, intent: str, **changes) -> None:
    """Put another intent of the same item beside the one of row n."""
    body = intents_of(world, n)[0]
    world.sandbox.world.accounts[world.scenario.rows[n].account]["pi"].add({**body, "id": intent, **changes})


UNTOUCHED = {
    "status": "requires_payment_method", "latest_charge": None, "last_payment_error": None, "payment_method": None,
    "amount_received": 0,
}  # fmt: skip


def test_of_several_intents_the_paid_one_is_recorded_and_the_others_are_named_and_left_alone(tmp_path):
    world = World.make(tmp_path, items=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    (paid,) = intents_of(world, 0)
    beside(world, 0, "pi_0000", **UNTOUCHED)
    beside(world, 0, "pi_0001", **UNTOUCHED | {"status": "canceled"})
    beside(world, 0, "pi_0002", **UNTOUCHED | {"last_payment_error": {"code": "card_declined"}})
    lose(world)
    found = run_virtually(rebuilt, world)
    (item,) = run_virtually(world.item)
    assert (item.state, item.object_id) == (State.SUCCEEDED, paid["id"])
    named = [(stray.intent, stray.recorded, stray.paid) for stray in found.strays]
    assert named == [("pi_0002", paid["id"], False), ("pi_0000", paid["id"], False)]
    assert found.exit is Exit.OK
    assert world.sandbox.world.accounts[item.account]["pi"].find("pi_0000", False)["status"] == UNTOUCHED["status"]


def test_an_item_paid_twice_is_told_and_wants_a_person(tmp_path):
    world = World.make(tmp_path, items=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    beside(world, 0, "pi_0000")
    lose(world)
    found = run_virtually(rebuilt, world)
    assert [stray.paid for stray in found.strays] == [True]
    assert found.exit is Exit.DECLINES


def test_what_was_paid_twice_stays_to_be_said_after_the_rebuild(tmp_path):
    world = World.make(tmp_path, items=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    beside(world, 0, "pi_0000")
    lose(world)
    (stray,) = run_virtually(rebuilt, world).strays

    async def again():
        async with world.services() as services:
            with the_file(world) as source:
                result = await carry_out_run(services, source, RunRequest(RunOptions()), agree=agree_to_all)
            return result, run_table(services.ledger, RUN)

    for _ in range(2):
        result, table = run_virtually(again)
        assert (result.exit, result.summary["exit_code"]) == (Exit.DECLINES, 4)
        assert result.summary["paid_twice"] == [str(stray)]
        assert result.summary["requests"]["sent"] == 0
        assert table[-1] == f"  ! PAID TWICE: {stray}; refund one of the two in Stripe"
    assert stray.intent in str(stray)
    assert stray.reference in str(stray)


@pytest.mark.parametrize("mix", ["insufficient_funds", "stolen_card"])
def test_the_intent_that_was_confirmed_is_recorded_before_one_that_never_was(tmp_path, mix):
    world = World.make(tmp_path, items=1, mix={mix: 1})
    run_virtually(world.charge_all)
    (before,) = run_virtually(world.item)
    beside(world, 0, "pi_0000", **UNTOUCHED)
    lose(world)
    run_virtually(rebuilt, world)
    (item,) = run_virtually(world.item)
    assert (item.state, item.object_id, item.facts["reason_code"]) == (before.state, before.object_id, mix)


def test_an_open_intent_is_continued_and_no_other_is_ever_opened(tmp_path):
    world = World.make(tmp_path, items=5, accounts=1, mix=SUCCEEDING)
    world.script(FaultKind.LOST_AFTER, "payment_intents.create", times=1000)
    run_virtually(world.charge_all)
    opened = {row.intent for row in world.sandbox.books().intents}
    world.sandbox.advance(25 * 3600)
    lose(world)
    world.sandbox.faults.clear()
    found = run_virtually(rebuilt, world)
    assert {(item.state, item.object_id) for item in run_virtually(world.item)} == {
        (State.PREPARING, intent) for intent in opened
    }
    assert found.unopened == []
    posts = run_virtually(next_run, world)
    assert opened_items(posts) == []
    assert touched_intents(posts) == opened
    assert {item.state for item in run_virtually(world.item)} == {State.SUCCEEDED}
    run_virtually(world.assert_true)


TOLD = ("group", "reason_code", "reason", "what_to_do", "remedy", "charge", "blocks_card")


def test_a_decline_is_told_as_before_and_a_blocked_card_stays_blocked(tmp_path):
    world = World.make(tmp_path, items=24, accounts=2, items_per_customer=2, mix={"stolen_card": 1, "do_not_honor": 1})
    run_virtually(lambda: world.charge_all(limit=13))
    before = {known.item_id: known for known in run_virtually(world.item) if known.object_id}
    lose(world)
    run_virtually(rebuilt, world)
    after = {known.item_id: known for known in run_virtually(world.item)}
    assert len(before) > 10
    assert {item: told(known) for item, known in before.items()} == {item: told(after[item]) for item in before}
    stolen = {known.payer for known in before.values() if known.facts.get("blocks_card")}
    waiting = {known.item_id for known in after.values() if known.state is State.PLANNED and known.payer in stolen}
    assert waiting
    run_virtually(next_run, world)
    blocked = {known.item_id for known in run_virtually(world.item) if known.facts.get("reason_code") == "card_blocked"}
    assert waiting <= blocked


def told(item: ItemRecord) -> list:
    """What the report tells of a declined item."""
    return [item.state, item.object_id, item.instrument_id, *(item.facts.get(name) for name in TOLD)]


def test_every_entry_of_a_rebuild_says_so_and_the_chain_holds(tmp_path):
    world = small_day(tmp_path)
    lose(world)
    run_virtually(rebuilt, world)

    async def look():
        async with world.services() as services:
            assert services.ledger.verify().faults == ()
            return list(services.ledger.entries(RUN))

    entries = run_virtually(look)
    moved = [entry for entry in entries if entry.item_id and entry.name not in ("item_planned", "item_skipped")]
    assert moved
    assert all(entry.facts.get("rebuilt") is True for entry in moved)
    assert [entry.name for entry in entries if not entry.item_id] == [
        "run_planned",
        "rebuild_started",
        "rebuild_finished",
    ]


def test_the_run_is_kept_as_a_run_would_keep_it_defaults_and_all(tmp_path):
    world = World.make(tmp_path, items=12, accounts=3, dead_accounts=1, mix=SUCCEEDING)
    rows = [replace(row, payment_method="") if n % 2 else row for n, row in enumerate(world.scenario.rows)]
    world.file.write_text(replace(world.scenario, rows=tuple(rows)).as_csv())

    async def kept() -> tuple:
        async with world.services() as services:
            record = services.ledger.run(RUN)
            items = [(item.item_id, item.digest, item.content) for item in world.items(services)]
            return replace(record, status=RunStatus.PLANNED, planned_at="", started_at="", finished_at=""), items

    async def charge() -> None:
        await world.charge_all(Preflight.ACCOUNTS)

    run_virtually(charge)
    before = run_virtually(kept)
    lose(world)
    run_virtually(rebuilt, world)
    assert run_virtually(kept) == before
    assert run_virtually(next_run, world) == []


def test_an_account_that_could_be_charged_then_keeps_its_items_although_it_cannot_now(tmp_path):
    world = World.make(tmp_path, items=6, accounts=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    world.sandbox.world.accounts[world.scenario.accounts[0]].body["charges_enabled"] = False
    lose(world)
    run_virtually(rebuilt, world)
    assert run_virtually(right_items, world) == 6


@pytest.mark.parametrize("planned", [False, True], ids=["not on record", "planned again"])
def test_accounts_that_refuse_are_all_named_and_only_giving_them_up_opens_the_run(tmp_path, planned):
    world = World.make(tmp_path, items=30, accounts=3, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    gone = world.scenario.accounts[:2]
    for account in gone:
        revoke(world.sandbox.world.accounts[account])
    lose(world)
    if planned:
        run_virtually(plan_alone, world)
    with pytest.raises(CredentialsError) as refused:
        run_virtually(rebuilt, world)
    assert all(account in str(refused.value) for account in gone)
    assert {item.state for item in run_virtually(world.item)} == ({State.PLANNED} if planned else set())
    run_virtually(refused_run, world)
    run_virtually(lambda: rebuilt(world, skip_accounts=frozenset(gone)))
    given_up = [item for item in run_virtually(world.item) if item.account in gone]
    assert given_up
    assert {item.state for item in given_up} == {State.SKIPPED}
    assert run_virtually(next_run, world) == []


def test_a_complete_run_on_record_is_left_alone_without_a_request(tmp_path):
    world = World.make(tmp_path, items=5, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    wire = Recording(InProcess(world.sandbox))

    async def again() -> tuple[str, str]:
        async with world.services(wire=wire) as services:
            before = services.ledger.head
            with the_file(world) as source:
                assert (await rebuild(services, source, RebuildOptions())).since is None
            return before, services.ledger.head

    before, after = run_virtually(again)
    assert before == after
    assert wire.requests == []


def test_a_run_with_items_in_flight_is_not_lost_and_is_not_rebuilt(tmp_path):
    world = World.make(tmp_path, items=10, accounts=1, mix=SUCCEEDING)
    world.script(FaultKind.LOST_AFTER, "payment_intents.create", times=1000)
    run_virtually(lambda: world.charge_all(limit=3))
    with pytest.raises(UsageError, match="billing resolve"):
        run_virtually(rebuilt, world)


def test_a_run_that_was_only_planned_again_after_the_loss_is_brought_up(tmp_path):
    world = World.make(tmp_path, items=10, accounts=2, mix=SUCCEEDING)
    run_virtually(lambda: world.charge_all(limit=6))
    lose(world)
    run_virtually(plan_alone, world)
    found = run_virtually(rebuilt, world)
    assert len(found.unopened) == 4
    assert run_virtually(right_items, world) == 10
    opened = opened_items(run_virtually(next_run, world))
    mode, platform = "test", world.sandbox.world.platform.id
    assert sorted(opened) == sorted(
        item_id(mode, platform, "2026-11", reference, 0, Kind.CHARGE) for reference in found.unopened
    )


def test_a_reference_that_another_run_holds_unpaid_while_stripe_shows_it_paid_refuses_the_file(tmp_path):
    world = World.make(tmp_path, items=3, accounts=1, mix=SUCCEEDING)
    run_virtually(world.charge_all)
    lose(world)

    async def other() -> None:
        async with world.services(making=Making.ANEW) as services:
            with open_run(world.file, run_id="other-2026-11", defaults=RunDefaults(policies=world.policies)) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
                await keep(plan, source, services.ledger)

    run_virtually(other)
    with pytest.raises(InvalidInput) as refused:
        run_virtually(rebuilt, world)
    assert [problem.line for problem in refused.value.problems] == [2, 3, 4]


NOW = datetime(2026, 11, 20, tzinfo=UTC)


def test_the_window_begins_a_month_before_a_months_period_in_the_runs_time_zone(tmp_path):
    world = World.make(tmp_path, items=1)
    with the_file(world) as source:
        run = replace(source.run, timezone="Europe/Berlin")
    assert window(run, None, NOW).isoformat() == "2026-10-01T00:00:00+02:00"
    assert window(run, date(2026, 9, 1), NOW).isoformat() == "2026-09-01T00:00:00+02:00"
    with pytest.raises(UsageError, match="--since"):
        window(replace(run, period="2026-q4"), None, NOW)
    with pytest.raises(UsageError, match="--since"):
        window(run, date(2026, 11, 21), NOW)


def test_a_window_that_may_begin_too_late_is_warned_of_and_what_it_misses_is_named(tmp_path):
    world = World.make(tmp_path, items=4, accounts=1, mix=SUCCEEDING)
    run_virtually(lambda: world.charge_all(limit=2))
    world.sandbox.advance(3 * 24 * 3600)
    run_virtually(world.charge_all)
    lose(world)
    found = run_virtually(lambda: rebuilt(world, since=date(2026, 11, 5)))
    assert any("earlier --since" in warning for warning in found.warnings)
    assert found.unopened == ["INV-00001", "INV-00002"]
    assert sum(found.unopened_totals.values()) == sum(row.amount_minor for row in world.scenario.rows[:2])
