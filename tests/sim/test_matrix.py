"""Each request of the protocol x each fault x each position, pairs, and deaths: what ledger and wire must show."""

import itertools
from collections import Counter, defaultdict

import pytest

from billing.core.exits import Exit
from billing.core.groups import group_of
from billing.core.kinds.charge import Event, State
from billing.edge.stripe.breaker import FAILURES, LONGEST_PAUSE, PATIENCE
from billing.edge.stripe.resend import BUSY_WAITS
from billing.flow.engine.context import ROUNDS
from billing.sandbox.config import CloneSpentOn
from tests.sim.case import Story, lived
from tests.sim.matrix import (
    CANCEL,
    CARRIERS,
    CLONE,
    CONFIRM,
    COSTS,
    FAULTS,
    FOREVER,
    KINDS,
    LIST,
    OPEN,
    OPERATIONS,
    OUTLIVED,
    PAIR,
    READ,
    SHARP,
    STILL_OPEN,
    Case,
    Death,
    Sort,
    Step,
    carried,
    reached,
)

NEVER = CloneSpentOn.NEVER  # the harder habit: nothing but the intent stops a second charge
SPELL = 12
# How often a limiter says no in a row; it may do so for 10 minutes before a run gives up, and no budget is spent.
WHERE = (
    ("succeeds", OPEN), ("succeeds", CLONE), ("succeeds", CONFIRM), ("insufficient_funds", CONFIRM),
    ("debit_fails", CONFIRM), ("succeeds", READ), ("stolen_card", READ), ("stolen_card", CANCEL), ("succeeds", LIST),
)  # fmt: skip
# Where later positions are tried: each request once for each thing that hangs on it.
BUDGETS = tuple(
    (kind, op) for kind, op in WHERE if kind in ("succeeds", "stolen_card") and (kind, op) != ("stolen_card", READ)
)
# One place for each budget.
MOST = {**dict.fromkeys(OPERATIONS, 2 * ROUNDS * (1 + BUSY_WAITS) + 1), CONFIRM: 3 * ROUNDS}
# Requests of one item at the very most when a budget runs out: no storm. A confirm that may have been executed has
# its rounds in a run, in the run's second look at what it left, and in the next run. What moves no money may be waited
# for in every round of a run and of its second look, while it is running under its key; the last is the next run's.
KNOCKS = FAILURES + int(PATIENCE / LONGEST_PAUSE) + 3
# What never leaves costs no budget: the breaker opens and knocks until its patience ends. (`edge.stripe.breaker`)
BEFORE_THE_CARD = (OPEN, CLONE, LIST)


def _first() -> list[Case]:
    """Every request of every kind; what comes before a card is asked is the same for all that can be cloned."""
    return [
        carried(kind, [Step(op, fault)], spent=NEVER, exact=(op, fault) != (READ, "401_expired") or not rests(kind))
        for kind in KINDS
        for op, fault in itertools.product(reached(kind), FAULTS)
        if op not in BEFORE_THE_CARD or kind in ("succeeds", "not_clonable")
    ]


def rests(kind: str) -> bool:
    """Tell whether an item of this kind rests after a decline: every look reads it again, for its customer may pay."""
    return KINDS[kind].state is State.UNPAID


def _second() -> list[Case]:
    return [
        carried(kind, [Step(op, "lost_before"), Step(op, fault, 2)], spent=NEVER)
        for (kind, op), fault in itertools.product(WHERE, FAULTS)
    ]


def _last() -> list[Case]:
    """The last send that a budget allows."""
    return [
        carried(kind, [Step(op, "lost_before", 1, 2), Step(op, fault, 3)], spent=NEVER, exact=False)
        for (kind, op), fault in itertools.product(BUDGETS, FAULTS)
    ]


def _lasting() -> list[Case]:
    """For as long as the budget lasts."""
    times = {fault: SPELL if trouble.sort is Sort.AWAY else FOREVER for fault, trouble in FAULTS.items()}
    return [
        carried(kind, [Step(op, fault, 1, times[fault])], spent=NEVER, exact=False)
        for (kind, op), fault in itertools.product(BUDGETS, FAULTS)
    ]


def _pairs() -> list[Case]:
    """Two sharp faults on any two requests that one item can send."""
    found = []
    for kind, op, other in [
        *(("succeeds", *pair) for pair in itertools.combinations_with_replacement(reached("succeeds"), 2)),
        *(("stolen_card", op, CANCEL) for op in reached("stolen_card")),
    ]:
        for first, second in itertools.product(SHARP, SHARP):
            replayed = op == OPEN and first.startswith("stored")  # its repeat is answered with the stored error
            nth = 2 + replayed if op == other else 1
            # What meets a second stored error while the open waits for its key has a day in which to forget that, too.
            waits = op == OPEN and first == "stored_500_undone"
            exact = not (waits and other in PAIR and second.startswith("stored"))
            found.append(carried(kind, [Step(op, first), Step(other, second, nth)], exact=exact))
    return found


def _deaths() -> list[Case]:
    return [
        Case(kind, (CARRIERS[op],) if op in CARRIERS else (), Death(op, 1 + (op == LIST), after, hours))
        for kind in KINDS
        for op, after, hours in itertools.product(reached(kind), (False, True), (0.0, OUTLIVED))
        if (kind, op) != ("not_clonable", LIST)
    ]


def _is_sent(op: str, *, after: bool) -> bool:
    """Tell whether the next runner sends ``op`` at all."""
    return op not in (OPEN, CONFIRM) or not after


def _deaths_and_faults() -> list[Case]:
    """The request of the dead runner, or the look that follows it, meets a sharp fault in the next runner's hands."""
    follows = {OPEN: (OPEN, LIST), CLONE: (CLONE,), CONFIRM: (READ, CONFIRM), CANCEL: (CANCEL,)}
    return [
        Case(
            "stolen_card",
            (Step(op, fault, 2 if op == LIST or (op == dead and after) else 1),),
            Death(dead, 1, after, hours),
            exact=False,
        )
        for dead, ops in follows.items()
        for op, fault, after, hours in itertools.product(ops, SHARP, (False, True), (0.0, OUTLIVED))
        if _is_sent(op, after=after)
    ]


CASES = [*_first(), *_second(), *_last(), *_lasting(), *_pairs(), *_deaths(), *_deaths_and_faults()]
CERTAIN = (Sort.UNSENT, Sort.AWAY, Sort.BARRED)  # answers after which a request was certainly not executed


# --- what every case is held to; a law returns what is wrong -----------------------------------------------------


def _ends_as_its_line_says(story: Story) -> list[str]:
    kind, rested, ended = story.kind, story.rested, story.ended
    shown = {"rests": (rested.state, group_of(rested)), "ends": (ended.state, group_of(ended))}
    due = {"rests": (kind.state, kind.group), "ends": kind.in_the_end}
    return [f"{when} {shown[when]}, not {due[when]}" for when in due if shown[when] != due[when]]


def _moves_money_once_or_never(story: Story) -> list[str]:
    paid = sum(intent.paid + intent.pending for intent in story.intents)
    found = [] if paid == story.kind.paid else [f"paid {paid} times, not {story.kind.paid}"]
    return found + ([] if story.banked == story.kind.banked else [f"the bank was asked {story.banked} times"])


def _ends_in_the_same_run(story: Story) -> list[str]:
    """Finitely many faults leave nothing open but where an account refuses its list, or an open waits for its key; a
    refused API key says so."""
    barred = any(trouble.sort is Sort.BARRED for _, trouble in story.met)
    unlisted = any(trouble.sort is Sort.REFUSED and op == LIST for op, trouble in story.met)
    if not story.case.exact:
        return []
    left_open = group_of(story.ran) in STILL_OPEN
    waits = any(trouble.sort is Sort.STORED and op == OPEN and not trouble.done for op, trouble in story.met)
    due = (barred or unlisted or waits, Exit.CREDENTIALS if barred else Exit.OK)
    return [] if (left_open, story.exits[-1]) == due else [f"left {story.ran.state} by the run, exit {story.exits[-1]}"]


def _sends_what_its_faults_cost(story: Story) -> list[str]:
    due, took = story.expected, story.counted
    if story.case.exact:
        return [f"{took[name]} {name}, not {due[name]}" for name in {*due, *took} if took[name] != due[name]]
    for op, trouble in story.met:
        took[op] -= op == CONFIRM and trouble.sort in CERTAIN
    away = story.case.endless and any(trouble.sort is Sort.UNSENT for _, trouble in story.met)
    return [f"a storm: {took[op]} {op}" for op in OPERATIONS if took[op] > (KNOCKS if away else MOST[op])]


def _confirms_once_per_entry(story: Story) -> list[str]:
    entered = Counter(entry.name for entry in story.entries)[Event.CONFIRM_STARTED]
    sent = story.counted[CONFIRM]
    unsent = story.case.death is not None and (story.case.death.operation, story.case.death.after) == (CONFIRM, False)
    due = (
        sent + unsent == entered if story.case.exact else sent + unsent <= entered
    )  # an outage may end a run in between
    return [] if due else [f"{sent} confirms sent for {entered} confirm_started"]


def _looks_before_it_confirms_again(story: Story) -> list[str]:
    """A read between two confirms, unless the first certainly was not executed; and then none."""
    found, before, reads = [], None, 0
    for one in story.sent[: story.resting]:
        reads += one.line.operation == READ and one.line.status == 200
        if one.line.operation != CONFIRM:
            continue
        if before is not None:
            certain = before.line.fault is not None and story.trouble(before.line).sort in CERTAIN
            same_life = before.life == one.life
            if certain and same_life and reads:
                found.append("a confirm that certainly was not executed was looked at")
            if not certain and not reads:
                found.append("a confirm was sent again without a look")
        before, reads = one, 0
    return found


def _gives_each_key_one_body(story: Story) -> list[str]:
    """I5: one key, one digest; every POST has a key, no GET does, and every request names the account."""
    bodies: defaultdict[str, set[tuple[str, bytes]]] = defaultdict(set)
    found = []
    for one in story.sent:
        headers = {name.lower(): value for name, value in one.request.headers.items()}
        if (one.request.method == "POST") != ("idempotency-key" in headers):
            found.append(f"{one.request.method} {one.line.operation} with the keys of another method")
        if headers.get("stripe-account") != story.ended.account:
            found.append(f"{one.line.operation} on another account")
        if one.request.method == "POST":
            bodies[headers.get("idempotency-key", "")].add((one.request.url, one.request.body))
    return found + [f"key {key} with {len(sent)} bodies" for key, sent in bodies.items() if len(sent) > 1]


def _opens_one_intent_per_key(story: Story) -> list[str]:
    keys = {one.key for one in story.sent if one.line.operation == OPEN}
    late = sum(step.fault.startswith("late_26") and step.operation == OPEN for step in story.case.steps)
    return [] if len(story.intents) <= len(keys) + late else [f"{len(story.intents)} intents of {len(keys)} keys"]


def _meets_its_faults(story: Story) -> list[str]:
    return [] if len(story.met) >= bool(story.case.steps) else ["no fault was met: the case says nothing"]


LAWS = (
    _ends_as_its_line_says, _moves_money_once_or_never, _ends_in_the_same_run, _sends_what_its_faults_cost,
    _confirms_once_per_entry, _looks_before_it_confirms_again, _gives_each_key_one_body, _opens_one_intent_per_key,
    _meets_its_faults,
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_ledger_shows_the_truth(case, record_property):
    story = lived(case)
    wrong = [wrong for law in LAWS for wrong in law(story)]
    assert wrong == []
    record_property("evidence", f"fault matrix: 1 cases, {len(wrong)} wrong entries")


def test_every_line_of_the_tables_is_a_case():
    names = [str(case) for case in CASES]
    assert len(names) == len(set(names)) >= 900
    tried = {
        (step.operation, FAULTS[step.fault].sort, FAULTS[step.fault].done) for case in CASES for step in case.steps
    }
    assert set(COSTS) <= tried
