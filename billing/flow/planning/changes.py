"""This run beside the previous one of the same name: what is new, gone, or clearly different."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Change:
    """An amount that moved by more than 20 % since the previous run of the same name.

    ``was`` is the reference there where it is another one: then the line was recognised by customer and account.
    """

    reference: str
    line: int
    currency: str
    before: int
    after: int
    was: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is named: of the file, or of an earlier run (then without a number)."""

    reference: str
    amount: int
    currency: str
    line: int = 0


@dataclass(slots=True)
class Changes:
    """The run beside the previous one of the same name.

    Attributes:
        previous: that run.
        new, gone: lines that have nothing like them there, and the other way round.
        jumps: lines whose amount moved by more than 20 %.
        renamed: lines recognised by customer and account under another reference.
        same: lines with the same reference and amount.
        shown, new_lines, gone_lines: the first of them.
        totals_before: currency -> minor units of that run.
    """

    previous: str
    new: int = 0
    gone: int = 0
    jumps: int = 0
    renamed: int = 0
    same: int = 0
    shown: list[Change] = field(default_factory=list)
    new_lines: list[Line] = field(default_factory=list)
    gone_lines: list[Line] = field(default_factory=list)
    totals_before: dict[str, int] = field(default_factory=dict)
