"""How a report groups states, and which exit code the groups of a run earn. Both are tables."""

from collections.abc import Callable, Iterable, Iterator

from billing.core.entries import ItemRecord, Tally
from billing.core.exits import Exit
from billing.core.findings import UNREAD
from billing.core.plans import SKIPS
from billing.core.states import FINAL, Group, State

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
WAITING_SKIPS = frozenset({UNREAD})
# Nobody has to do anything: the same command again asks anew.

TOUCHED = frozenset({State.PREPARING, State.READY, State.CONFIRMING, State.UNKNOWN, State.CANCELLING})
# Requests have left for such an item, and it is not yet where it should rest. Planned items were left out on purpose.

NOT_SENT = frozenset({State.PLANNED, State.PREPARING, State.READY})
# No confirm has left for such an item. With a reason on record it waits for a person, without one for the next run.


def group_in(state: State, decline: str = "") -> Group:
    """Return the report's group.

    Args:
        state: of the item.
        decline: the item's fact ``group``: which declines need the customer, what was closed because nobody wants it,
            what an answer contradicts.
    """
    if state in {State.UNPAID, State.FAILED} and decline in _BY_DECLINE:
        return Group(decline)
    if state is State.UNPAID and decline == Group.FAILED:
        return Group.PENDING  # refused, and the fence is still to come: "failed" would promise too much
    if state is State.FAILED and decline == Group.SKIPPED:
        return Group.SKIPPED  # closed because nobody wants it any more
    if state not in FINAL and decline == Group.PARKED:
        return Group.PARKED  # an answer contradicts the item: it waits for a person, wherever that met it
    return GROUPS[state]


def group_of(item: ItemRecord) -> Group:
    """Return the report's group of one item."""
    return group_in(item.state, str(item.facts.get("group") or ""))


def _open(tally: Tally) -> bool:
    return tally.state not in FINAL


def _asks_anew(tally: Tally) -> bool:
    return tally.state is State.SKIPPED and tally.reason_code in WAITING_SKIPS


def _needs_a_person(tally: Tally) -> bool:
    """Nothing helps by itself: refused for good, left out for a reason to be mended, or kept waiting by its account."""
    group = group_in(tally.state, tally.grouping)
    if group is Group.SKIPPED:
        return tally.reason_code not in GOOD_SKIPS | WAITING_SKIPS
    return group is Group.FAILED or (tally.state in NOT_SENT and group is Group.PENDING and tally.reason_code != "")


def _declined(tally: Tally) -> bool:
    return group_in(tally.state, tally.grouping) in _BY_DECLINE


Rule = Callable[[Tally], bool]

EXIT_RULES: tuple[tuple[Rule, Exit], ...] = (
    (_needs_a_person, Exit.DECLINES),
    (_declined, Exit.DECLINES),
    (_open, Exit.UNFINISHED),
    (_asks_anew, Exit.UNFINISHED),
)
# The first rule that any item meets decides, the same for every command. A person can act at once on what comes first;
# the rest wants the command again, or time.


def exit_for(tallies: Iterable[Tally], *, declines_ok: bool = False) -> Exit:
    """Return the exit code that items earn.

    Args:
        tallies: every item and line of a run; for a command that only looks, what `in_sight` leaves of several.
        declines_ok: declines and items that need their customer count as good.
    """
    found = [tally for tally in tallies if tally.items]
    for rule, code in EXIT_RULES:
        if rule is _declined and declines_ok:
            found = [tally for tally in found if not _declined(tally)]
        elif any(map(rule, found)):
            return code
    return Exit.OK


def in_sight(tallies: Iterable[Tally], moved: Iterable[Tally]) -> Iterator[Tally]:
    """Yield what a command that only looks answers for: whatever is open, and what it has itself brought to an end.

    What ended in an earlier command was that command's to tell. So a debit that failed today is told today, and last
    month's stolen card is not told for ever.

    Args:
        tallies: of the runs it looked through.
        moved: items that it brought to an end.
    """
    yield from (tally for tally in tallies if tally.state not in FINAL)
    yield from moved
