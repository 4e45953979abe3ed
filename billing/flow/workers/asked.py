"""How a round is carried out: what a command asked for, as every worker is told it. JSON, no secret, nobody's name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from billing.core.exits import Exit
from billing.edge.engines.controls import Said, Word
from billing.flow.options import RunOptions, Selection

# What differs is said; when a round began, and how it is paced, is of no concern.
FLAGS = {"only": "--only", "exclude": "--exclude", "max_failures": "--max-failures", "deadline": "--deadline"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What holds for a whole round, whoever works it.

    Attributes:
        only, exclude, rows: the selection; no rows for all.
        max_failures: stop after more than so many unpaid items, of all workers together.
        deadline: seconds after which nothing more is started, as they were typed.
        until: the epoch second of that; None without a deadline.
        per_account: items in flight on an account that answers slowly.
        declines_ok: declines count as good in the exit code on record.
        began: epoch second at which the round began.
        allowed_rps: requests a second that the limits let through at most.
        same_error: the refusal with which the run stopped before, and how often in a row.
        detached: no command waits for the end, so whoever notes it tells whom the run tells.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    rows: tuple[int, ...] | None = None
    max_failures: int | None = None
    deadline: float | None = None
    until: float | None = None
    per_account: int = 8
    declines_ok: bool = False
    began: float = 0.0
    allowed_rps: float = 0.0
    same_error: tuple[str, int] = ("", 0)
    detached: bool = False

    @classmethod
    def of(
        cls, options: RunOptions, now: float, allowed_rps: float, same_error: tuple[str, int], *, detached: bool
    ) -> "Asked":
        """Return what a command asks for at epoch second ``now``; a limit has become rows by then."""
        chosen, seconds = options.selection, options.deadline
        return cls(
            chosen.only,
            chosen.exclude,
            None if chosen.rows is None else tuple(sorted(chosen.rows)),
            options.max_failures,
            seconds,
            None if seconds is None else now + seconds,
            options.per_account,
            options.declines_ok,
            now,
            allowed_rps,
            same_error,
            detached,
        )

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Asked":
        """Return what `to_json` wrote."""
        lists = {name: tuple(told[name]) for name in ("only", "exclude", "same_error")}
        rows = told["rows"]
        return cls(**{**told, **lists, "rows": None if rows is None else tuple(rows)})

    def to_json(self) -> dict[str, Any]:
        """Return it for whoever keeps the round."""
        return asdict(self)

    def again(self, now: float) -> "Asked":
        """Return the same for another round that begins at epoch second ``now``; a deadline stays where it was."""
        return replace(self, began=now)

    def unlike(self, other: "Asked") -> tuple[str, ...]:
        """Return the flags that would have to be said otherwise to ask for what ``other`` does."""
        found = [flag for name, flag in FLAGS.items() if getattr(self, name) != getattr(other, name)]
        if (self.rows is None) != (other.rows is None):  # which rows a limit takes changes while a run goes on
            found.append("--limit")
        return tuple(found)

    @property
    def selection(self) -> Selection:
        """Which items are wanted."""
        return Selection(self.only, self.exclude, None if self.rows is None else frozenset(self.rows))

    def stops(self, now: float, unpaid: int, by: str) -> Said | None:
        """Return the word that ends the round at epoch second ``now`` with so many unpaid items, or None."""
        if self.until is not None and now >= self.until:
            return Said(Word.STOP, f"the deadline of {self.deadline:g} s has come (--deadline)", by, Exit.STOPPED)
        if self.max_failures is not None and unpaid > self.max_failures:
            reason = f"{unpaid} items were not paid (--max-failures {self.max_failures})"
            return Said(Word.STOP, reason, by, Exit.STOPPED)
        return None
