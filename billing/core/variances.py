"""How a run differs from the one before it, each variance with a name: policy has it told, accepted, or refused.

A variance carries what was seen as a hash over all its lines, in whatever order: who accepts one accepts exactly that.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.core.changes import Changes, Gathered, Named, Sums
from billing.core.entries import Facts
from billing.core.money import grouped
from billing.core.policies import Attitude, Compare

WHOLE = 100_00
# 100 %, in hundredths of a per cent.


class Band(NamedTuple):
    """A number beside those of the runs before: minor units of a currency, or lines where that is empty."""

    currency: str
    now: int
    lowest: int
    highest: int

    def outside(self, share: int) -> bool:
        """Tell whether it lies further outside than a share, in hundredths of a per cent."""
        return self.now * WHOLE > self.highest * (WHOLE + share) or self.now * WHOLE < self.lowest * (WHOLE - share)

    @property
    def bound(self) -> int:
        """The one before that it is compared with: the highest for what is more, else the lowest."""
        return self.highest if self.now > self.highest else self.lowest


@dataclass(frozen=True, slots=True)
class Variance:
    """One way in which a run differs from those before.

    Attributes:
        name: of ``VARIANCES``.
        attitude: what policy says of it.
        count: what it counts: lines, accounts or currencies.
        of: of how many.
        says: a sentence with its numbers.
        seen: a hash of all that it counts.
        named: the first of them.
        bands: the numbers that lie outside.
    """

    name: str
    attitude: Attitude
    count: int
    of: int
    says: str
    seen: str
    named: tuple[Named, ...] = ()
    bands: tuple[Band, ...] = ()

    def to_json(self) -> Facts:
        """Return it as JSON takes it."""
        return {
            "name": self.name,
            "attitude": str(self.attitude),
            "count": self.count,
            "of": self.of,
            "says": self.says,
            "seen": self.seen,
            "named": [each.to_json() for each in self.named],
            "bands": [each._asdict() for each in self.bands],
        }


class Beside(NamedTuple):
    """What variances are found in.

    Attributes:
        changes: since the run before.
        now: the lines and totals of this sheet.
        first: the accounts that nothing was ever begun on.
        accounts: how many the run has.
        policy: from when on something is one.
    """

    changes: Changes
    now: Sums
    first: Gathered
    accounts: int
    policy: Compare


class Rule(NamedTuple):
    """One row.

    Attributes:
        name: as policy, ``--ack`` and JSON spell it.
        means: what is compared with what.
        threshold: the setting from which on it is one, or empty.
        usual: whether most months have some, so that it is not put among what is to be looked at first.
        asked: what its setting decides.
        find: finds it.
    """

    name: str
    means: str
    threshold: str
    usual: bool
    asked: str
    find: Callable[[Beside], Variance | None]


def variances(beside: Beside) -> tuple[Variance, ...]:
    """Return every variance that policy asks for, in the order of the table; none where there is no run before."""
    if not beside.changes.previous:
        return ()
    asked = (rule for rule in VARIANCES if attitude_to(beside.policy, rule.name) is not Attitude.OFF)
    return tuple(found for rule in asked if (found := rule.find(beside)) is not None)


def attitude_to(policy: Compare, name: str) -> Attitude:
    """Return what policy says of a variance."""
    found: Attitude = getattr(policy, name)
    return found


def per_cent(hundredths: int) -> str:
    """Write a share: ``20 %``."""
    return f"{hundredths / 100:g} %"


def counted(count: int, noun: str) -> str:
    """Write a count with its noun."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _lines(beside: Beside, name: str, found: Gathered, of: int, says: str) -> Variance | None:
    if not found.count:
        return None
    attitude, sentence = attitude_to(beside.policy, name), f"{found.count:,} of {counted(of, 'line')} {says}"
    return Variance(name, attitude, found.count, of, sentence, found.seen, tuple(found.named))


def _gone(beside: Beside) -> Variance | None:
    changes = beside.changes
    verb = "is" if changes.gone.count == 1 else "are"
    return _lines(beside, "gone", changes.gone, changes.last.lines, f"of {changes.previous} {verb} not in this sheet")


def _new(beside: Beside) -> Variance | None:
    changes = beside.changes
    verb = "is" if changes.new.count == 1 else "are"
    return _lines(beside, "new", changes.new, beside.now.lines, f"{verb} new since {changes.previous}")


def _changed(beside: Beside) -> Variance | None:
    changes, over = beside.changes, per_cent(beside.policy.changed_over)
    met = beside.now.lines - changes.new.count
    return _lines(beside, "changed", changes.changed, met, f"changed by more than {over} since {changes.previous}")


def _first(beside: Beside) -> Variance | None:
    first = beside.first
    if not first.count:
        return None
    verb = "is" if first.count == 1 else "are"
    says = f"{first.count:,} of {counted(beside.accounts, 'account')} {verb} charged for the first time"
    attitude = beside.policy.first_on_account
    return Variance("first_on_account", attitude, first.count, beside.accounts, says, first.seen, tuple(first.named))


def _total(beside: Beside) -> Variance | None:
    before = beside.changes.before
    codes = sorted({code for sums in (beside.now, *before) for code in sums.totals})
    bands = [_band(code, [sums.totals.get(code, 0) for sums in (beside.now, *before)]) for code in codes]
    return _outside(beside, "total", bands, beside.policy.total_band)


def _count(beside: Beside) -> Variance | None:
    band = _band("", [sums.lines for sums in (beside.now, *beside.changes.before)])
    return _outside(beside, "lines", [band], beside.policy.lines_band)


def _band(currency: str, numbers: Sequence[int]) -> Band:
    now, *before = numbers
    return Band(currency, now, min(before), max(before))


def _outside(beside: Beside, name: str, bands: Sequence[Band], share: int) -> Variance | None:
    found = Gathered()
    outside = tuple(band for band in bands if band.outside(share))
    for band in outside:
        found.add(Named(), *band)
    if not outside:
        return None
    says = "; ".join(_apart(band, beside.changes) for band in outside) + f" (the band is {per_cent(share)})"
    attitude = attitude_to(beside.policy, name)
    return Variance(name, attitude, len(outside), len(bands), says, found.seen, bands=outside)


def _apart(band: Band, changes: Changes) -> str:
    """Say how far a number lies from the one before: ``USD 12.00 is 20 % more than USD 10.00 in coaching-2026-10``."""
    more = band.now > band.bound
    where = f"in {changes.previous}"
    if len(changes.before) > 1:
        where = f"at {'most' if more else 'least'} in the {len(changes.before)} runs before"
    now, before = (_said(band.currency, number) for number in (band.now, band.bound))
    if not band.bound or not band.now:
        return f"{now}, {before} {where}"
    percent = 100 * (band.now - band.bound) / band.bound
    verb = "are" if not band.currency and band.now != 1 else "is"
    how = "more" if more else "less" if band.currency else "fewer"
    return f"{now} {verb} {abs(percent):.1f} % {how} than {before} {where}"


def _said(currency: str, number: int) -> str:
    return f"{currency.upper()} {grouped(number, currency)}" if currency else counted(number, "line")


VARIANCES: tuple[Rule, ...] = (
    Rule("gone", "lines of the run before that this sheet does not have, by reference, or else by payer, account and "
         "currency", "", True,
         "Lines of the run before that are not in the sheet: told, run only once accepted with --ack, refused, or off.",
         _gone),
    Rule("new", "lines of this sheet that the run before did not have, likewise", "", True,
         "Lines that the run before did not have, likewise.", _new),
    Rule("changed", "the amount of a line with its own in the run before", "changed_over", False,
         "Amounts that moved by more than changed_over, likewise.", _changed),
    Rule("first_on_account", "the connected accounts of this run with those that anything was ever begun on", "",
         False, "Connected accounts that are charged for the first time, likewise.", _first),
    Rule("total", "the sheet's total in each currency with those of the runs before", "total_band", False,
         "Totals outside total_band, likewise.", _total),
    Rule("lines", "how many lines the sheet has with how many the runs before had", "lines_band", False,
         "A number of lines outside lines_band, likewise.", _count),
)  # fmt: skip
# In the order in which a plan shows them.
RULES: Mapping[str, Rule] = {rule.name: rule for rule in VARIANCES}
