"""An obligation over its generations, when what was paid comes back: ``python -m tests.model.returns_walk``.

Modelled
    One obligation that two ledgers know, each by itself; a process of each, which may pause between any two steps; a
    ledger may be put back to any earlier state of itself. Each generation has one intent at most, whoever opens it
    (that is what ``tests.model.ledgers_walk`` walks). A bank debit may come back for good once it has succeeded. A
    card may be asked about (an inquiry), disputed, lost, and won again at any later time. Intents may be cancelled by
    anybody; operators ask anew for what ended unpaid, and for what came back, as often as they like.

Driven, not copied
    The table of states with what may be asked for anew (``core.kinds.charge``), whose an intent is and which one makes
    an item stand back (``core.listed.judge``), which dispute counts as a return (``core.objects.returned``). Copied by
    hand: ``steps.begin``, ``adopt``, ``licence.pay``, ``confirm.look`` and ``returns`` of ``flow.kinds.charge``.

Laws
    ``double``  more than one payment stands;  ``false``  a ledger says succeeded of what was never paid;  ``hidden``  a
    ledger says failed of what was paid;  ``early``  a ledger says returned, and the payment stands or may stand again
    (of the shipped design alone: with the others that is what leads to the rest).

What it showed
    Asked for anew on an open dispute, or on a chargeback that is lost, the first payment stands again as soon as the
    bank decides otherwise, even after it had decided; on an inquiry it has never been away.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from billing.core.items import Mode
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.listed import Listed, judge
from billing.core.objects.returned import Paid, return_seen
from tests.model.explorer import Found
from tests.model.ledgers_rules import KNOWN
from tests.model.pairs import PairWalk

GENERATIONS = 3
OPEN, PAID, RETURNED, CANCELLED, ASKED, DISPUTED, LOST = "OSRXQDL"
# An intent of a generation: open; paid; paid and back for good; cancelled; paid, and a card's bank asks about it; paid,
# and the money is away until the bank has decided; the same, decided for the payer, which it may still take back.
STANDS = {PAID, ASKED}
MAY_STAND = {PAID, ASKED, DISPUTED, LOST}
STATUSES = {OPEN: "requires_payment_method", CANCELLED: "canceled"}
NONE = "-"


class Setting(NamedTuple):
    """What a walk varies, and what a design believes to be a return; the default is the shipped design.

    Attributes:
        card: what is charged is a card, whose bank may ask, dispute and change its mind; else a debit.
        restores: a ledger may be put back.
        believes: letters that a design takes for a return; the shipped rule if empty.
    """

    card: bool = False
    restores: bool = True
    believes: str = ""


class Ledger(NamedTuple):
    """One ledger and its process: generation, state, what its list shows (empty for none), how old that is."""

    generation: int = 0
    state: State = State.PLANNED
    shown: str = ""
    age: int = 0


Step = tuple[str, str, Ledger]


class Obligation:
    """The design that two ledgers run; what they share is a letter for each generation."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    def start(self) -> tuple[str, Ledger]:
        """Return Stripe without an intent, and a ledger that has planned the obligation."""
        return NONE * GENERATIONS, Ledger()

    def alone(self, stripe: str) -> Iterator[tuple[str, str]]:
        """Yield what banks and others do."""
        moves = {PAID: ASKED + DISPUTED, ASKED: PAID + DISPUTED, DISPUTED: PAID + LOST, LOST: PAID}
        for place, letter in enumerate(stripe):
            for then in moves.get(letter, "") if self.setting.card else {PAID: RETURNED}.get(letter, ""):
                yield f"the bank moves generation {place} from {letter} to {then}", _with(stripe, place, then)
            if letter == OPEN:
                yield f"somebody cancels generation {place}", _with(stripe, place, CANCELLED)

    def later(self, stripe: str) -> str:
        """Time changes nothing by itself."""
        return stripe

    def aged(self, ledger: Ledger) -> Ledger:
        """A list is good for one tick."""
        return ledger if not ledger.shown else ledger._replace(age=min(ledger.age + 1, 2))

    def steps(self, stripe: str, ledger: Ledger) -> Iterator[Step]:
        """Yield what a ledger's process, or its operator, does next."""
        at, letter = ledger.generation, stripe[ledger.generation]
        yield from self._restored(stripe, ledger)
        match ledger.state:
            case State.PLANNED | State.READY if not ledger.shown or ledger.age > 1:
                yield f"lists {stripe}", stripe, ledger._replace(shown=stripe, age=0)
            case State.PLANNED:
                yield from self._begin(stripe, ledger)
            case State.READY if letter == OPEN:
                yield "confirms: paid", _with(stripe, at, PAID), _plain(at, State.SUCCEEDED)
                yield "confirms: declined", stripe, ledger._replace(state=State.UNPAID)
                yield "cancels", _with(stripe, at, CANCELLED), _plain(at, State.FAILED)
            case State.READY | State.UNPAID if letter != OPEN:
                yield f"reads {letter}", stripe, _plain(at, _read(letter))
            case State.UNPAID:
                yield "tries again", stripe, ledger._replace(state=State.READY)
                yield "cancels", _with(stripe, at, CANCELLED), _plain(at, State.FAILED)
            case State.SUCCEEDED if self._is_back(letter):
                yield "sees that it came back", stripe, _plain(at, State.RETURNED)
            case State.FAILED | State.RETURNED if ledger.state in CHARGE_LIFE.reopens and at + 1 < GENERATIONS:
                yield "asks for it anew", stripe, _plain(at + 1, State.PLANNED)

    def _begin(self, stripe: str, ledger: Ledger) -> Iterator[Step]:
        """``steps.begin``: stand back, take over, or open."""
        at, letter = ledger.generation, stripe[ledger.generation]
        adopts, yields = choice(ledger.shown, at)
        if yields:
            yield "stands back", stripe, _plain(at, State.SKIPPED)
        elif adopts or letter != NONE:
            yield f"takes over {letter}", stripe, _taken_over(ledger, letter)
        else:
            yield "opens", _with(stripe, at, OPEN), ledger._replace(state=State.READY)

    def _is_back(self, letter: str) -> bool:
        return letter in self.setting.believes or is_return(letter, self.setting.card)

    def _restored(self, stripe: str, ledger: Ledger) -> Iterator[Step]:
        """Yield what a backup of a ledger may hold."""
        if not self.setting.restores:
            return
        if ledger.state is not State.PLANNED:
            yield "is put back to before it began", stripe, _plain(ledger.generation, State.PLANNED)
        if ledger.state is State.RETURNED:
            yield "is put back to before it saw the return", stripe, _plain(ledger.generation, State.SUCCEEDED)
        if ledger.generation:
            yield "is put back to a generation before", stripe, _plain(ledger.generation - 1, State.PLANNED)

    def broken(self, stripe: str, ledger: Ledger) -> str | None:
        """Return the law that Stripe and one ledger break together."""
        letter = stripe[ledger.generation]
        if sum(one in STANDS for one in stripe) > 1:
            return "double"
        if ledger.state is State.RETURNED and letter in MAY_STAND and not self.setting.believes:
            return "early"
        if ledger.state is State.SUCCEEDED and letter not in MAY_STAND | {RETURNED}:
            return "false"
        if ledger.state is State.FAILED and letter not in (CANCELLED, NONE):
            return "hidden"
        return None


def _with(stripe: str, place: int, letter: str) -> str:
    return stripe[:place] + letter + stripe[place + 1 :]


def _plain(generation: int, state: State) -> Ledger:
    """Return a ledger without the list of a process that has done its work."""
    return Ledger(generation, state)


def _read(letter: str) -> State:
    return State.FAILED if letter == CANCELLED else State.SUCCEEDED


def _taken_over(ledger: Ledger, letter: str) -> Ledger:
    if letter == OPEN:
        return ledger._replace(state=State.READY)
    return _plain(ledger.generation, _read(letter))


@cache
def choice(shown: str, own: int) -> tuple[bool, bool]:
    """Return whether the shipped rule takes over the generation's own intent, and whether it stands back for another.

    The generations before it are on the ledger's own record, so its lists leave them out.
    """

    def listed(place: int) -> Listed:
        status = STATUSES.get(shown[place], "succeeded")
        return Listed(str(place), status, place, status == "succeeded", False, 100, "usd", 10, "d" * 16, "")

    there = [listed(place) for place in range(own, GENERATIONS) if shown[place] != NONE]
    same, others = [[one for one in there if (one.created == own) is mine] for mine in (True, False)]
    verdict = judge(replace(KNOWN, generation=own), same, others, None)
    return verdict.adopt is not None, verdict.yields_to is not None


@cache
def is_return(letter: str, card: bool) -> bool:
    """Tell whether the shipped rule takes what a dispute of such a charge shows for a return."""
    if letter not in (RETURNED, ASKED, DISPUTED, LOST):
        return False
    charge = {
        "object": "charge", "id": "ch_1", "payment_intent": "pi_1", "amount": 100, "currency": "usd",
        "livemode": False, "payment_method_details": {"type": "card" if card else "us_bank_account"},
    }  # fmt: skip
    status = {RETURNED: "lost", ASKED: "warning_needs_response", DISPUTED: "under_review", LOST: "lost"}[letter]
    dispute = {
        "id": "dp_1", "charge": charge, "amount": 100, "currency": "usd", "livemode": False, "status": status,
        "reason": "insufficient_funds", "created": 1,
    }  # fmt: skip
    return return_seen(dispute, Paid("pi_1", 100, "usd", None), Mode.TEST) is not None


class Walk(PairWalk):
    """One setting, explored."""

    def __init__(self, setting: Setting, *, stop: bool = False) -> None:
        super().__init__(Obligation(setting), stop=stop)


SHIPPED = (Setting(), Setting(card=True))
REJECTED: tuple[tuple[str, Setting, str], ...] = (
    ("asked for anew on an open dispute", Setting(card=True, believes=DISPUTED), "double"),
    ("asked for anew on an inquiry", Setting(card=True, believes=ASKED), "double"),
    ("asked for anew on a lost chargeback of a card", Setting(card=True, believes=LOST), "double"),
)


def _row(name: str, found: Found) -> str:
    says = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
    return f"{name:<56} {found.states:>8,} {found.seconds:>6.1f} s  {says}"


def main() -> int:
    """Print what each walk came to; exit 1 when one is not as expected."""
    wrong = 0
    for setting in SHIPPED:
        found = Walk(setting).explore()
        wrong += bool(found.violations) or not found.complete
        print(_row(f"the shipped design, {'cards' if setting.card else 'debits'}", found), flush=True)  # noqa: T201
    for name, setting, law in REJECTED:
        found = Walk(setting, stop=True).explore()
        wrong += law not in found.violations
        print(_row(name, found), flush=True)  # noqa: T201
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
