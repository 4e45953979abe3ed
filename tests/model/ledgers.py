"""Two ledgers over one Stripe, each knowing only itself: another laptop, a restored backup, a fresh volume.

Modelled
    One item that two ledgers have planned, and the one process of each, which may pause between any two steps for as
    long as it likes, die, and be started again. A ledger may be put back to any earlier state of itself, any number of
    times. Requests arrive at once, never, or at any later time, when their sender is long gone. 5xx of Stripe's (stored
    under the key or not, carried out or not) and of a proxy (which says nothing of the key); lost answers, limiters;
    the operator or somebody else cancels. Lists, as a process keeps them: what one has shown keeps the status it had.

Driven, not copied
    Which intent is the item's (``core.listed.judge``), what an answer to an open means (``core.classify``). Copied by
    hand, each beside the name of what it mirrors: ``steps.begin``, ``prepare``, ``adopt``, ``licence.pay``,
    ``confirm`` and ``cancel`` of ``flow.kinds.charge``.

Time
    Only ages count, and only up to where they stop deciding, so time has no end and the walk has one. A list is good
    for ``Hours.list`` ticks, a key is kept for ``Hours.key``, one more; an error is young within its tick, in which
    everything may happen in any order. The shipped numbers are 11 and 12 ticks of two hours. What ``k`` and ``k + 1``
    ticks cannot show is only what takes more than ``k`` keys forgotten one after the other.

Abstracted, each towards more behaviour than there is
    Confirms have no key: every arrival executes, and any may be answered as if its key was used, so nothing rests on a
    key that two ledgers happen to share. The clone and later attempts are the business of ``runner``.

Bounded
    Three intents; ``Setting.late`` requests on their way without a sender.

Assumed
    An open that made an intent leaves an answer under its key. An intent is paid at most once, and never after it is
    cancelled.

Laws
    ``double``  more than one paid intent;  ``hidden``  a ledger says failed, and an intent of the item is paid, unless
    it says that another ledger was paid;  ``false``  a ledger says succeeded, and the intent on its record is not the
    item's or not paid.

What it showed before the design was chosen (``ledgers_walk --traces`` prints the ways)
    *No list* is a second charge in 13 steps, *a list as old as a key* in 14, *the next key after any 5xx* in 16, *after
    any replayed 5xx* in 20. *The next key after a replayed 5xx that seemed new to this process just now* holds only
    while every 5xx is Stripe's own and no request under a next key is late: a proxy's 502 is not replayed either, so an
    old stored error looks new, and 21 steps lead to a second charge; a late request leads there in 20. So the number
    never grows: a stored error on an open is waited out, a day. *No licence for the confirm* holds once numbers do not
    grow, with confirms of any age: all ledgers come to one intent before anything is confirmed. The licence is kept as
    the second line. *A confirm whose key another ledger has used, taken up under the next key*, holds in every setting
    and adds no state: the intent takes one payment, whoever confirms it how often. *Failing it there* is hidden after
    10 steps, *opening another intent for it* a second charge after 15.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.model.ledgers_rules import choice, meaning, used_key_is_read
from tests.model.ledgers_stripe import (
    CANCELLED,
    DECLINED,
    NUMBERS,
    OPEN,
    PAID,
    PLANTED,
    PLANTED_PAID,
    Setting,
    Stripe,
    alone,
    changed,
    confirmed,
    older,
    opened,
    room,
    sent,
)


class Ledger(NamedTuple):
    """A ledger and the one process that works on it.

    Attributes:
        state: on record: ``planned``, ``preparing``, ``ready``, ``confirming`` (also unknown), ``unpaid``,
            ``cancelling``, ``succeeded``, ``failed``.
        intent: on record, 0 for none.
        number, born: of the open's key, and whether it was taken in this tick.
        elsewhere: the reason of its cancel is that another ledger was paid.
        at: what the process does next: ``idle`` (also: dead), ``open``, ``got`` (an intent), ``late`` (the same, and
            listed again), ``erred`` (a stored error), ``listed`` (the same, and listed again), ``confirm``.
        got: the intent its open was answered with.
        age: ticks since its last list; one too many is as old as any; -1 before the first.
        shown: what its lists have shown, a letter each.
        erred: it met a new server error in this tick.
    """

    state: str = "planned"
    intent: int = 0
    number: int = 0
    born: bool = False
    elsewhere: bool = False
    at: str = "idle"
    got: int = 0
    age: int = -1
    shown: str = ""
    erred: bool = False


Step = tuple[str, Stripe, Ledger]
FINAL = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class Runner:
    """The one process of a ledger under one setting."""

    setting: Setting

    def start(self) -> tuple[Stripe, Ledger]:
        """Return the beginning: nothing opened, both ledgers planned."""
        return Stripe(), Ledger()

    def alone(self, stripe: Stripe) -> Iterator[tuple[str, Stripe]]:
        """Yield what happens by itself."""
        return alone(stripe, self.setting)

    def later(self, stripe: Stripe) -> Stripe:
        """Return Stripe one tick later."""
        return older(stripe, self.setting)

    def aged(self, ledger: Ledger) -> Ledger:
        """Return a ledger one tick later."""
        return aged(ledger, self.setting)

    def broken(self, stripe: Stripe, ledger: Ledger) -> str | None:
        """Return the law that is broken."""
        return broken(stripe, ledger)

    def steps(self, stripe: Stripe, ledger: Ledger) -> Iterator[Step]:
        """Yield what may happen to a ledger next."""
        for says, after, then in self._work(stripe, ledger):
            yield says, after, plain(then, self.setting)
        durable = Ledger(*ledger[:5])
        if durable != ledger:
            yield "is killed", stripe, durable
        for earlier in _earlier(ledger) if self.setting.restores else ():
            yield f"is put back to {earlier.state}", stripe, earlier

    def _work(self, stripe: Stripe, ledger: Ledger) -> Iterator[Step]:
        match ledger.at, ledger.state:
            case "open", _:
                yield from self._open(stripe, ledger)
            case (("got" | "late"), _):
                yield self._settle(stripe, ledger)
            case (("erred" | "listed"), _):
                yield self._find_or_wait(stripe, ledger)
            case "confirm", _:
                yield from self._confirm(stripe, ledger)
            case _:
                yield from self._idle(stripe, ledger)

    def _idle(self, stripe: Stripe, ledger: Ledger) -> Iterator[Step]:
        """Decide by what is on record: ``charge.STEPS``."""
        match ledger.state:
            case "planned" | "preparing":
                yield self._prepare(stripe, ledger)
            case "ready":
                yield self._pay(stripe, ledger)
                if self.setting.cancels:
                    yield "gives it up", stripe, ledger._replace(state="cancelling")
            case "confirming":
                yield self._read(stripe, ledger, ledger.intent)  # confirm.look
            case "unpaid":
                yield "tries again", stripe, ledger._replace(state="ready")
                yield "gives it up", stripe, ledger._replace(state="cancelling")
            case "cancelling":
                yield self._cancel(stripe, ledger)

    def _is_fresh(self, ledger: Ledger) -> bool:
        """``Finder.may_start``."""
        return not self.setting.lists or 0 <= ledger.age <= self.setting.list

    def _list(self, stripe: Stripe, ledger: Ledger, at: str = "") -> Step:
        """``Finder._read``: what was shown before is not read again."""
        shown = ledger.shown + stripe.intents[len(ledger.shown) :].replace(CANCELLED, OPEN)  # no rule tells them apart
        return f"lists {shown or 'nothing'}", stripe, ledger._replace(age=0, shown=shown, at=at or ledger.at)

    def _choice(self, ledger: Ledger) -> int:
        return choice(ledger.shown, ledger.intent, self.setting.compares) if self.setting.lists else 0

    def _prepare(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``charge.begin`` and the beginning of ``prepare.prepare``."""
        if not self._is_fresh(ledger):
            return self._list(stripe, ledger)
        found = self._choice(ledger)
        if found:
            return self._read(stripe, ledger, found)
        if ledger.state == "planned":
            return "will open", stripe, ledger._replace(state="preparing", at="open")
        if ledger.number and not ledger.born and self.setting.grows == "young":
            if ledger.age:
                return self._list(stripe, ledger)
            return "goes back to its first key", stripe, ledger._replace(number=0, at="open")
        return "opens", stripe, ledger._replace(at="open")

    def _open(self, stripe: Stripe, ledger: Ledger) -> Iterator[Step]:
        """``prepare._open`` within ``resend``: the same again, or another round of the trip."""
        number = ledger.number
        again = (ledger, ledger._replace(at="idle"))
        if self.setting.timely and number and not ledger.born:
            yield "never sent its open", stripe, again[1]
            return
        for after, answer, intent in opened(stripe, number):
            says = f"opens (key {number}): {answer} {intent or ''}"
            match meaning(answer):
                case "made":
                    yield says, after, ledger._replace(at="got", got=intent)
                case "stored":
                    yield says, after, ledger._replace(at="erred")
                case _ if self.setting.grows == "new":
                    yield says, after, ledger._replace(at="erred")
                case _:
                    for then in again:
                        yield says, after, then._replace(erred=True)
        for then in again:
            if self.setting.proxies:
                yield "hears a proxy's 502", stripe, then._replace(erred=True)
            if not (self.setting.timely and number) and room(stripe, self.setting):
                yield f"waits for its open (key {number}) no longer", sent(stripe, "o", number), then
            yield "loses its open", stripe, then

    def _settle(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``prepare._settle_pair``."""
        if self.setting.looks_again and not self._is_fresh(ledger):
            return self._list(stripe, ledger, "late")
        found = self._choice(ledger) if ledger.at == "late" else 0
        if found:
            return self._read(stripe, ledger, found)
        return f"records intent {ledger.got}", stripe, ledger._replace(state="ready", intent=ledger.got, at="idle")

    def _find_or_wait(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``prepare._find_or_wait``; what else has been thought of is in ``Setting.grows``."""
        if self.setting.lists and ledger.at == "erred":
            return self._list(stripe, ledger, "listed")
        found = self._choice(ledger)
        if found:
            return self._read(stripe, ledger, found)
        may = {"never": False, "young": ledger.erred, "replayed": True, "new": True}[self.setting.grows]
        if may and ledger.number + 1 < NUMBERS:
            grown = ledger._replace(number=ledger.number + 1, born=True, erred=False, at="idle")
            return "takes the next key", stripe, grown
        return "waits", stripe, ledger._replace(at="idle", erred=False)

    def _pay(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``licence.pay``."""
        if self.setting.licence and not self._is_fresh(ledger):
            return self._list(stripe, ledger)
        other = self._choice(ledger) if self.setting.licence else 0
        if other and stripe.intents[other - 1] == PAID:
            return "sees another paid", stripe, ledger._replace(state="cancelling", elsewhere=True)
        return "will confirm", stripe, ledger._replace(state="confirming", at="confirm")

    def _confirm(self, stripe: Stripe, ledger: Ledger) -> Iterator[Step]:
        """``confirm.confirm``: an answer that cannot be read is one that was lost."""
        for after in confirmed(stripe, ledger.intent, self.setting):
            yield self._read(after, ledger, ledger.intent, "confirms intent")
        yield self._used(stripe, ledger)
        lost = ledger._replace(at="idle")
        yield "is told by a limiter to wait", stripe, lost._replace(state="ready")
        if room(stripe, self.setting):
            yield "waits for its confirm no longer", sent(stripe, "c", ledger.intent), lost

    def _used(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``confirm._key_used``: what was sent under this key is over, and it was not this ledger's."""
        assert used_key_is_read()
        match self.setting.used:
            case "fails" if stripe.intents[ledger.intent - 1] == OPEN:
                return "meets a used key: failed", stripe, ledger._replace(state="failed", at="idle")
            case "opens":
                anew = ledger._replace(state="preparing", intent=0, number=NUMBERS - 1, born=True, at="idle")
                return "meets a used key and begins another intent", stripe, anew
            case _:
                return self._read(stripe, ledger, ledger.intent, "meets a used key, reads intent")

    def _read(self, stripe: Stripe, ledger: Ledger, intent: int, says: str = "reads intent") -> Step:
        """Record what an intent shows: ``adopt._adopt``, ``confirm.look``, or an answer."""
        letter = stripe.intents[intent - 1]
        states = {PAID: "succeeded", PLANTED_PAID: "succeeded", CANCELLED: "failed", DECLINED: "unpaid"}
        state = states.get(letter, "ready")
        after = ledger._replace(state=state, intent=intent, at="idle", got=0)
        return f"{says} {intent}, {letter}: {state}", stripe, after

    def _cancel(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``cancel.cancel``."""
        if stripe.intents[ledger.intent - 1] in (OPEN, DECLINED, PLANTED):
            stripe = changed(stripe, ledger.intent, CANCELLED)
        return self._read(stripe, ledger, ledger.intent, "cancels intent")


def plain(ledger: Ledger, setting: Setting) -> Ledger:
    """Return a ledger without what no longer decides anything, so that equal futures are one state."""
    if ledger.state in FINAL:
        return Ledger(ledger.state, ledger.intent, elsewhere=ledger.elsewhere)
    if ledger.intent:
        ledger = ledger._replace(number=0, born=False, got=0)
    return ledger._replace(erred=ledger.erred and setting.grows == "young" and not ledger.intent)


def _earlier(ledger: Ledger) -> Iterator[Ledger]:
    """Yield what a backup of a ledger may hold."""
    if ledger.state != "planned":
        yield Ledger()
    if ledger.state != "planned" and (ledger.state, ledger.number) != ("preparing", 0):
        yield Ledger("preparing")
    if ledger.intent and ledger.state != "ready":
        yield Ledger("ready", ledger.intent)
    if ledger.intent and ledger.state not in ("ready", "confirming"):
        yield Ledger("confirming", ledger.intent)


def aged(ledger: Ledger, setting: Setting) -> Ledger:
    """Return a ledger one tick later."""
    age = min(ledger.age + 1, setting.list + 1) if ledger.age >= 0 else -1
    return ledger._replace(age=age, born=False, erred=False)


def broken(stripe: Stripe, ledger: Ledger) -> str | None:
    """Return the law that Stripe and one ledger break together."""
    if stripe.intents.count(PAID) > 1:
        return "double"
    if ledger.state == "failed" and PAID in stripe.intents and not ledger.elsewhere:
        return "hidden"
    if ledger.state == "succeeded" and stripe.intents[ledger.intent - 1] != PAID:
        return "false"
    return None
