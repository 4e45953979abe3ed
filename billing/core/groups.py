"""How a report groups states, and which exit code the groups of a run earn. Both are tables."""

from collections.abc import Callable, Sequence

from billing.core.entries import Known, Tally
from billing.core.exits import Exit
from billing.core.plans import SKIPS
from billing.core.states import Group, State

GROUPS: dict[State, Group] = {
    State.PLANNED: Group.PENDING,
    State.PREPARING: Group.PENDING,
    State.READY: Group.PENDING,
    State.CANCELLING: Group.PENDING,
    State.CONFIRMING: Group.UNKNOWN,
    State.UNKNOWN: Group.UNKNOWN,
    State.PARKED: Group.PARKED,
    State.UNSETTLED: Group.PROCESSING,
    State.UNPAID: Group.DECLINED,
    State.SUCCEEDED: Group.SUCCEEDED,
    State.FAILED: Group.FAILED,
    State.SKIPPED: Group.SKIPPED,
}

_BY_DECLINE = frozenset({Group.DECLINED, Group.NEEDS_CUSTOMER})

GOOD_SKIPS = frozenset(code for code, (_, _, good) in SKIPS.items() if good)
# Nothing is owed any more on such a line; any other reason for skipping is something a person should know.

TOUCHED = frozenset({State.PREPARING, State.READY, State.CONFIRMING, State.UNKNOWN, State.CANCELLING})
# Requests have left for such an item, and it is not yet where it should rest. Planned items were left out on purpose.


def group_in(state: State, decline: str = "") -> Group:
    """Return the report's group.

    Args:
        state: of the item.
        decline: the item's fact ``group``, which tells declines that need the customer from the others.
    """
    if state in {State.UNPAID, State.FAILED} and decline in _BY_DECLINE:
        return Group(decline)
    if state is State.UNPAID and decline == Group.FAILED:
        return Group.PENDING  # refused, and the fence is still to come: "failed" would promise too much
    return GROUPS[state]


def group_of(known: Known) -> Group:
    """Return the report's group of one item."""
    return group_in(known.state, str(known.facts.get("group") or ""))


def _left_undone(tally: Tally) -> bool:
    return tally.state in TOUCHED or (tally.state is State.UNPAID and tally.grouping == Group.FAILED)


def _processing(tally: Tally) -> bool:
    return tally.state is State.UNSETTLED


def _needs_a_person(tally: Tally) -> bool:
    if tally.state is State.SKIPPED:
        return tally.reason_code not in GOOD_SKIPS
    return group_in(tally.state, tally.grouping) in {Group.FAILED, Group.PARKED}


def _declined(tally: Tally) -> bool:
    return group_in(tally.state, tally.grouping) in _BY_DECLINE


Rule = Callable[[Tally], bool]

EXIT_RULES: tuple[tuple[Rule, Exit], ...] = (
    (_left_undone, Exit.UNFINISHED),
    (_needs_a_person, Exit.DECLINES),
    (_declined, Exit.DECLINES),
    (_processing, Exit.UNFINISHED),
)
# The first rule that any item meets decides. Declines come before items that are merely processing: a person can act on
# the first at once, the second only needs time.


def exit_for(tallies: Sequence[Tally], *, declines_ok: bool = False) -> Exit:
    """Return the exit code of a run that came to its end.

    Args:
        tallies: every item and line of the run.
        declines_ok: declines and items that need their customer count as good.
    """
    for rule, code in EXIT_RULES:
        if rule is _declined and declines_ok:
            continue
        if any(rule(tally) for tally in tallies if tally.items):
            return code
    return Exit.OK
