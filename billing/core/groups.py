"""How a report groups states, and which exit code the groups of a run earn. Both follow from the kinds' tables."""

from collections.abc import Callable, Iterable, Iterator

from billing.core.entries import ItemRecord
from billing.core.exits import Exit
from billing.core.findings import UNREAD
from billing.core.kinds import is_final, is_unsent, life_of
from billing.core.life import Group
from billing.core.records import SheetTally, Tally
from billing.core.skips import SKIPS

_BY_DECLINE = frozenset({Group.DECLINED, Group.NEEDS_CUSTOMER})

GOOD_SKIPS = frozenset(code for code, reason in SKIPS.items() if reason.good)
# Nothing is owed any more on such a line; any other reason for skipping is something a person should know.
WAITING_SKIPS = frozenset({UNREAD})
# Nobody has to do anything: the same command again asks anew.


def group_of(item: ItemRecord) -> Group:
    """Return the report's group of one item."""
    return life_of(item.state).group(item.state, str(item.facts.get("group") or ""))


def group_in(tally: Tally | SheetTally) -> Group:
    """Return the report's group of all items that a tally counts."""
    return life_of(tally.state).group(tally.state, tally.grouping)


def _open(tally: Tally) -> bool:
    return not is_final(tally.state) and group_in(tally) is not Group.SUCCEEDED


def _asks_anew(tally: Tally) -> bool:
    return tally.state is life_of(tally.state).skipped and tally.reason_code in WAITING_SKIPS


def _needs_a_person(tally: Tally) -> bool:
    """Nothing helps by itself: refused for good, left out for a reason to be mended, or kept waiting by its account."""
    group = group_in(tally)
    if group is Group.SKIPPED:
        return tally.reason_code not in GOOD_SKIPS | WAITING_SKIPS
    return group is Group.FAILED or (is_unsent(tally.state) and group is Group.PENDING and tally.reason_code != "")


def _declined(tally: Tally) -> bool:
    return group_in(tally) in _BY_DECLINE


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
    yield from (tally for tally in tallies if not is_final(tally.state))
    yield from moved
