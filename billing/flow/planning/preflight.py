"""What may be looked up before a run, who is told of it, and what comes of it. Each kind knows what it has to ask."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.estimates import Reads
from billing.core.findings import Findings
from billing.core.notices import Notice
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.planning.planned import Plan, Source
from billing.flow.services import Services


class Preflight(StrEnum):
    """What is looked up before a run: nothing, the accounts (and the defaults that are needed), or all methods too."""

    NONE = "none"
    ACCOUNTS = "accounts"
    ALL = "all"


@dataclass(slots=True)
class LookedUp:
    """What the look-ups found, what they could not find out, and what they cost."""

    findings: Findings = field(default_factory=Findings)
    warnings: list[Notice] = field(default_factory=list)
    reads: Reads = field(default_factory=Reads)


def _not_told(_reads: Reads) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Lookout:
    """Who is told of look-ups.

    Attributes:
        foretell: told once, before anything is sent, what they will cost.
        watch: told after each answer; totals and counts are names that are looked up.
    """

    foretell: Callable[[Reads], None] = _not_told
    watch: Watch = unwatched


QUIETLY = Lookout()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What Stripe shows of a plan's lines that this ledger does not know.

    Attributes:
        rows: item id -> the row of the plan of one that this ledger would carry out, and that is not its to do.
        notices: what a person is told of what another ledger has opened.
    """

    rows: Mapping[str, str] = field(default_factory=dict)
    notices: Sequence[Notice] = ()


@dataclass(frozen=True, slots=True)
class Planning:
    """What planning a run of one kind takes beside the decisions, which are made alike for all.

    Attributes:
        look_up: looks up what a file needs; nothing that moves money is sent.
        unexamined: the skip reasons that a preflight does not look at.
        elsewhere: finds what another ledger has done of a plan; only reads are sent.
    """

    look_up: Callable[[Services, Source, Preflight, Lookout], Awaitable[LookedUp]]
    unexamined: Mapping[Preflight, frozenset[str]]
    elsewhere: Callable[[Services, Source, Plan], Awaitable[Elsewhere]]
