"""What comes next: no command with nothing to do, no line that waits without its reason, no line too many."""

import itertools
import re

import pytest

from billing.cli.endings import steps, what_comes_next
from billing.cli.lookingup import expectation
from billing.cli.plan_view import plan_table
from billing.cli.planrows import amendment_lines
from billing.core.estimates import Estimate, Reads
from billing.core.items import Kind, Mode
from billing.core.kinds import phase_of
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.kinds.refund import REFUND_LIFE
from billing.core.kinds.refund import State as RefundState
from billing.core.life import Group
from billing.core.listing import Search
from billing.core.records import RunRecord, SheetTally
from billing.edge.ledger.custody.attendance import NOBODY
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.attention import nothing_left
from billing.flow.carry_out import carry_out_run
from billing.flow.engine.goals import TAKES, Goal
from billing.flow.options import RunOptions, Selection
from billing.flow.outturn import gathered
from billing.flow.planning.plan import PlanOptions, estimate_for, make_plan
from billing.flow.planning.preflight import Preflight
from billing.flow.report import known_run, summary
from billing.flow.request import RunRequest
from billing.flow.standing import standing_of
from billing.sandbox.accounts import allow
from tests.flow.test_amend import Services
from tests.flow.world import RUN, World
from tests.virtual import run_virtually

RECORD = RunRecord(RUN, "acct_p", "coaching", "2026-11", Mode.TEST, Kind.CHARGE, {}, "", "")
GOALS = {"resolve": Goal.RESOLVE, "settle": Goal.SETTLE}
GROUPINGS = ("", *map(str, Group))


def said(*tallies: SheetTally, running: bool = False) -> str:
    return "\n".join(steps(gathered(tallies, CHARGE_LIFE), RECORD, frozenset(), running=running))


def one(state: State, grouping: str = "", reason: str = "", lines: int = 1) -> SheetTally:
    return SheetTally("acct_1", state, grouping, reason, "usd", lines, 100 * lines)


@pytest.mark.parametrize(("state", "grouping"), list(itertools.product(State, GROUPINGS)))
def test_a_command_is_named_only_for_lines_that_it_would_look_at(state, grouping):
    text = said(one(state, grouping, "some_reason"))
    for verb in re.findall(r"billing (resolve|settle) ", text):
        assert phase_of(state) in TAKES[GOALS[verb]], text


def test_of_customers_who_must_act_only_the_payments_that_are_open_are_looked_at_again():
    open_one, closed = one(State.UNPAID, "needs_customer"), one(State.FAILED, "needs_customer", lines=2)
    assert "billing resolve" not in said(closed)
    assert "2 customer must act" in said(closed)
    both = said(open_one, closed)
    assert ("1 customer must act" in both, "2 customer must act" in both, "billing resolve" in both) == (True,) * 3


def test_what_a_bank_has_taken_back_is_named_with_the_command_that_asks_for_it_anew():
    text = said(one(State.RETURNED, "declined", "insufficient_funds"), one(State.UNPAID, "declined", lines=2))
    assert "3 declined for now" in text
    assert "billing retry" in text
    assert "nothing tries again" not in text


def test_whom_to_ask_is_listed_below_the_lines_that_it_is_for():
    *_, sentence, command, each, report = said(one(State.FAILED, "needs_customer")).splitlines()
    assert "on it is tried again" in sentence
    assert command.strip().startswith("billing retry coaching-2026-11 --ask ")
    assert (each.split()[:2], report.split()[:2]) == (["each", "line"], ["billing", "report"])


@pytest.mark.parametrize(("life", "failed"), [(CHARGE_LIFE, State.FAILED), (REFUND_LIFE, RefundState.FAILED)])
def test_what_is_left_to_do_is_told_in_the_words_of_the_table_above_it(life, failed):
    found = gathered([one(failed)], life)
    assert f"1 {found.label('not_paid')}  " in "\n".join(steps(found, RECORD, frozenset(), running=False))


async def ended(world: World) -> tuple[str, str]:
    async with world.read() as ledger:
        return "\n".join(what_comes_next(ledger, RUN)), str(standing_of(ledger, known_run(ledger, RUN), NOBODY).facts())


def test_lines_that_wait_for_their_account_say_which_one_why_and_what_helps(tmp_path):
    world = World.make(tmp_path, items=12, accounts=2, dead_accounts=1, mix={"succeeds": 1})
    run_virtually(world.charge_all)
    waiting = [item for item in run_virtually(world.item) if item.facts.get("reason_code")]
    assert waiting
    text, facts = run_virtually(ended, world)
    assert f"{len(waiting)} account refuses" in text
    code = waiting[0].facts["reason_code"].replace("_", " ")
    assert f"{waiting[0].account}: {code}" in " ".join(text.split())
    assert "put right in Stripe" in text
    assert "billing report" in text
    assert f"'needs_a_person': {len(waiting)}" in facts
    assert f"'done': {12 - len(waiting)}" in facts


async def looked(world: World) -> tuple:
    async with world.read() as ledger:
        return standing_of(ledger, known_run(ledger, RUN), NOBODY), summary(ledger, RUN)


def test_the_lines_of_a_run_are_those_that_its_sheet_wants_now_and_those_taken_out_stand_apart(tmp_path):
    services = Services(World.make(tmp_path, items=10, accounts=2, mix={"succeeds": 1}))
    run_virtually(lambda: services.run(limit=4))
    paid = {item.reference for item in run_virtually(services.world.item) if item.state is State.SUCCEEDED}
    out = [row for row in services.rows if row["reference"] not in paid][:2]
    services.rows = [row for row in services.rows if row not in out]
    fixed = next(row for row in services.rows if row["reference"] not in paid)
    fixed["amount"] = str(int(float(fixed["amount"])) + 1)
    run_virtually(services.run)
    standing, found = run_virtually(looked, services.world)
    assert (standing.lines, standing.done, standing.withdrawn, standing.share) == (8, 8, 2, "100 %")
    assert (found["items"], sum(found["counts"].values()), found["counts"]["succeeded"]) == (8, 8, 8)
    assert found["no_longer_in_sheet"]["items"] == 2
    wanted = {code: each["planned"] for code, each in found["totals"].items()}

    async def sheet_totals():
        async with services.world.read() as ledger:
            return ledger.run(RUN).header["sheet"]["totals"]

    assert wanted == run_virtually(sheet_totals)


@pytest.mark.parametrize("by", ["selection", "limit"])
def test_a_plan_lists_as_taken_up_again_only_lines_that_it_moves(tmp_path, by):
    world = World.make(tmp_path, items=12, accounts=2, dead_accounts=1, mix={"succeeds": 1})

    dead = set(world.scenario.dead_accounts)
    held = [row.reference for row in world.scenario.rows if row.account in dead]
    asked = {"selection": Selection((held[0],))} if by == "selection" else {"limit": 12 - len(held) + 1}

    async def twice() -> tuple:
        async with world.services() as services:
            await world.plan(services, Preflight.ACCOUNTS)
        account = world.sandbox.world.accounts[world.scenario.dead_accounts[0]]
        account.connected = True
        allow(account, charges=True)
        world.sandbox.advance(2 * 86400)
        with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
            async with world.services() as services:
                return (
                    await make_plan(services, source, PlanOptions(Preflight.ACCOUNTS)),
                    await make_plan(services, source, PlanOptions(Preflight.ACCOUNTS, **asked)),
                )

    whole, part = run_virtually(twice)
    assert whole.amendment.counts["taken_up"] == len(held) > 1
    assert part.amendment.counts["taken_up"] == 1
    assert [line.split()[1] for line in amendment_lines(part) if line.startswith("  ^")] == [f"{held[0]}:"]
    assert not nothing_left(part)


def test_a_plan_says_its_period_in_words(tmp_path):
    world = World.make(tmp_path, items=2, accounts=1)

    async def planned():
        with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
            async with world.services() as services:
                return await make_plan(services, source, PlanOptions(Preflight.NONE))

    head, *_ = plan_table(run_virtually(planned), "", Estimate(0, 0.0), share="")
    assert "charges for November 2026" in head


@pytest.mark.parametrize("items", [1, 2, 3, 9])
def test_a_plan_of_a_few_lines_that_are_all_paid_counts_every_request_of_its_run(tmp_path, items):
    world = World.make(tmp_path, items=items, accounts=2, mix={"succeeds": 1})

    async def expected_and_sent() -> tuple[int, int]:
        with open_run(world.file, run_id=RUN, defaults=RunDefaults()) as source:
            async with world.services() as services:
                expected = estimate_for(await make_plan(services, source, PlanOptions()), services.rates).requests
            async with world.services() as services:
                result = await carry_out_run(services, source, RunRequest(RunOptions()), agree=lambda _plan: None)
        return expected, result.summary["requests"]["sent"]

    expected, sent = run_virtually(expected_and_sent)
    assert sent == expected > items


def test_a_list_that_nobody_has_read_yet_is_foretold_as_the_least_it_can_be():
    assert (Search(5).is_sure, Search(50).is_sure, Search(50, 3000).is_sure) == (True, False, True)
    assert "at least 1 request" in expectation(Reads(50, 1, 6.0, at_least=True))
    assert "at least" not in expectation(Reads(5, 5, 6.0))
