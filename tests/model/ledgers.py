"""Two ledgers over one Stripe, each knowing only itself: another laptop, a restored backup, a fresh volume.

Modelled
    One item that two ledgers have planned, and the one process of each, which may pause between any two steps for as
    long as it likes, die, and be started again. A ledger may be put back to any earlier state of itself, any number of
    times. Requests arrive at once, never, or at any later time, when their sender is long gone. 5xx of Stripe's (stored
    under the key or not, carried out or not) and of a proxy (which says nothing of the key); lost answers, limiters;
    the operator or somebody else cancels. Lists, as a process keeps them: what one has shown keeps the status it had.

Driven, not copied
    Which intent is the item's (``core.listed.judge``), what an answer to an open means (``core.classify``). Copied by
    hand, each beside the name of what it mirrors: ``flow.charge.begin``, ``flow.prepare``, ``flow.adopt``,
    ``flow.licence.pay``, ``flow.confirm``, ``flow.fence``.

Time
    Only ages count, and only up to where they stop deciding, so time has no end and the walk has one. A list is good
    for ``Hours.list`` ticks, a key is kept for ``Hours.key``, one more; an error is young within its tick, in which
    everything may happen in any order. The shipped numbers are 11 and 12 ticks of two hours. What ``k`` and ``k + 1``
    ticks cannot show is only what takes more than ``k`` keys forgotten one after the other.

Abstracted, each towards more behaviour than there is
    Confirms have no key: every arrival executes, so nothing rests on a key that two ledgers happen to share. The clone
    and later attempts are the business of ``runner``.

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
    the second line.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from billing.core.classify import classify
from billing.core.entries import Known
from billing.core.items import Kind
from billing.core.keys import Op
from billing.core.listed import Listed, judge
from billing.core.outcomes import Expected, Lost, Made
from billing.core.replies import Reply

INTENTS = 3
OPEN, PAID, CANCELLED, DECLINED, PLANTED, PLANTED_PAID = "OSXDPQ"
ERROR = 0  # what a key holds instead of an intent
NUMBERS = 2  # numbers an open's key may grow through


class Setting(NamedTuple):
    """What a walk varies, and what a design does; the defaults are the shipped design.

    Attributes:
        list: ticks for which a list is good.
        key: ticks for which Stripe keeps a key at least.
        late: requests that may be on their way without a sender.
        cancels: the operator, or somebody else, may cancel.
        restores: a ledger may be put back.
        declines: the bank may say no.
        plants: somebody may open an intent under the item's name.
        lists: an account is listed before an open and before a confirm.
        licence: a confirm needs a young list, too.
        looks_again: an open that is answered when the list is too old is not recorded before a new one.
        grows: when an open takes its next key: ``never``; ``young``, after a replayed error if this process met a new
            one in this tick; ``replayed``, after any replayed one; ``new``, after any 5xx.
        timely: an open under a next key arrives within its tick or not at all.
        proxies: a 5xx may come from something in front of Stripe.
        compares: only what equals the item is taken over.
    """

    list: int = 1
    key: int = 2
    late: int = 1
    cancels: bool = False
    restores: bool = True
    declines: bool = False
    plants: bool = False
    lists: bool = True
    licence: bool = True
    looks_again: bool = True
    grows: str = "never"
    timely: bool = False
    proxies: bool = True
    compares: bool = True


class Stripe(NamedTuple):
    """What both share.

    Attributes:
        intents: a letter each, the oldest first.
        keys: per number of an open's key what it holds (-1 nothing, ``ERROR``, or an intent) and for how many ticks.
        net: requests without a sender, sorted: ``o`` and a number, or ``c`` and an intent.
    """

    intents: str = ""
    keys: tuple[tuple[int, int], ...] = ((-1, 0),) * NUMBERS
    net: tuple[tuple[str, int], ...] = ()


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


# --- the shipped rules ------------------------------------------------------------------------------------------------

KNOWN = Known(
    id=1, item="item", run_id="run", kind=Kind.CHARGE, reference="r", generation=0, account="acct_1", lane="cus_1",
    amount=100, currency="usd", digest="d" * 64, content={"application_fee": 10},
)  # fmt: skip
STATUSES = {PAID: "succeeded", PLANTED_PAID: "succeeded", CANCELLED: "canceled"}


@cache
def choice(shown: str, own: int, compares: bool) -> int:
    """Return the intent that the shipped rule takes for the item's, of those a list shows; 0 for none."""
    same = [
        Listed(
            id=str(number), status=STATUSES.get(letter, "requires_payment_method"), created=number,
            confirmed=letter in (PAID, DECLINED, PLANTED_PAID), declined=letter == DECLINED,
            currency="usd", fee=10, digest="d" * 16, application="",
            amount=1000 if compares and letter in (PLANTED, PLANTED_PAID) else 100,
        )
        for number, letter in enumerate(shown, 1)
        if number != own
    ]  # fmt: skip
    adopted = judge(KNOWN, same, (), None).adopt
    return int(adopted.id) if adopted else 0


@cache
def meaning(answer: str) -> str:
    """Return what the shipped reading makes of an answer to an open: ``made``, ``again``, or ``stored``."""
    intent = {
        "object": "payment_intent", "id": "pi_1", "amount": 100, "amount_received": 0, "currency": "usd",
        "livemode": False, "metadata": {"billing_item": "item"}, "status": "requires_payment_method",
        "application_fee_amount": 10,
    }  # fmt: skip
    reply = {
        "intent": Reply(200, intent),
        "error": Reply(500, {"error": {"type": "api_error"}}, request_id="req_1"),
        "replayed error": Reply(500, {"error": {"type": "api_error"}}, request_id="req_1", replayed=True),
        "proxy": Reply(502, None),
    }[answer]
    match classify(Op.OPEN, reply, Expected("item", 100, "usd", False, None, None, 1, 10)):
        case Made():
            return "made"
        case Lost(renew=True):
            return "stored"
        case Lost():
            return "again"
        case other:
            raise AssertionError(other)


# --- what Stripe does -------------------------------------------------------------------------------------------------


def opened(stripe: Stripe, number: int) -> Iterator[tuple[Stripe, str, int]]:
    """Yield what the arrival of an open leads to: Stripe after it, the answer, and the intent in it."""
    held = stripe.keys[number][0]
    if held >= 0:
        yield stripe, "intent" if held else "replayed error", held
        return
    yield _kept(stripe, number, ERROR), "error", 0
    yield stripe, "error", 0
    if len(stripe.intents) < INTENTS:
        made = stripe._replace(intents=stripe.intents + OPEN)
        yield _kept(made, number, len(made.intents)), "intent", len(made.intents)
        yield _kept(made, number, ERROR), "error", 0


def _kept(stripe: Stripe, number: int, answer: int) -> Stripe:
    return stripe._replace(keys=(*stripe.keys[:number], (answer, 0), *stripe.keys[number + 1 :]))


def changed(stripe: Stripe, intent: int, letter: str) -> Stripe:
    """Return Stripe after one intent changed its status."""
    return stripe._replace(intents=stripe.intents[: intent - 1] + letter + stripe.intents[intent:])


def confirmed(stripe: Stripe, intent: int, setting: Setting) -> Iterator[Stripe]:
    """Yield what the arrival of a confirm leads to."""
    match stripe.intents[intent - 1]:
        case "O" | "D":
            yield changed(stripe, intent, PAID)
            if setting.declines:
                yield changed(stripe, intent, DECLINED)
        case "P":
            yield changed(stripe, intent, PLANTED_PAID)
        case _:
            yield stripe


def alone(stripe: Stripe, setting: Setting) -> Iterator[tuple[str, Stripe]]:
    """Yield what happens by itself: forgotten keys, late arrivals, another person."""
    for number, (held, age) in enumerate(stripe.keys):
        if held >= 0 and age >= setting.key:
            yield f"the open's key {number} is forgotten", _kept(stripe, number, -1)
    yield from _late(stripe, setting)
    for intent, letter in enumerate(stripe.intents, 1):
        if setting.cancels and letter in (OPEN, DECLINED):
            yield f"somebody cancels intent {intent}", changed(stripe, intent, CANCELLED)
    if setting.plants and len(stripe.intents) < INTENTS and PLANTED not in stripe.intents:
        for letter in (PLANTED, PLANTED_PAID):
            yield "somebody plants an intent", stripe._replace(intents=stripe.intents + letter)


def _late(stripe: Stripe, setting: Setting) -> Iterator[tuple[str, Stripe]]:
    for place, (what, which) in enumerate(stripe.net):
        left = stripe._replace(net=stripe.net[:place] + stripe.net[place + 1 :])
        yield f"a request on its way is lost: {what}{which}", left
        if what == "o":
            for after, answer, intent in opened(left, which):
                yield f"a late open (key {which}) arrives: {answer} {intent or ''}", after
        else:
            for after in confirmed(left, which, setting):
                yield f"a late confirm of intent {which} arrives: {after.intents}", after


# --- what a ledger does -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Runner:
    """The one process of a ledger under one setting."""

    setting: Setting

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
                yield self._read(stripe, ledger, ledger.intent)  # flow.confirm.look
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
            if not (self.setting.timely and number) and _room(stripe, self.setting):
                yield f"waits for its open (key {number}) no longer", _sent(stripe, "o", number), then
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
        lost = ledger._replace(at="idle")
        yield "is told by a limiter to wait", stripe, lost._replace(state="ready")
        if _room(stripe, self.setting):
            yield "waits for its confirm no longer", _sent(stripe, "c", ledger.intent), lost

    def _read(self, stripe: Stripe, ledger: Ledger, intent: int, says: str = "reads intent") -> Step:
        """Record what an intent shows: ``adopt._adopt``, ``confirm.look``, or an answer."""
        letter = stripe.intents[intent - 1]
        states = {PAID: "succeeded", PLANTED_PAID: "succeeded", CANCELLED: "failed", DECLINED: "unpaid"}
        state = states.get(letter, "ready")
        after = ledger._replace(state=state, intent=intent, at="idle", got=0)
        return f"{says} {intent}, {letter}: {state}", stripe, after

    def _cancel(self, stripe: Stripe, ledger: Ledger) -> Step:
        """``fence.cancel``."""
        if stripe.intents[ledger.intent - 1] in (OPEN, DECLINED, PLANTED):
            stripe = changed(stripe, ledger.intent, CANCELLED)
        return self._read(stripe, ledger, ledger.intent, "cancels intent")


def _room(stripe: Stripe, setting: Setting) -> bool:
    return len(stripe.net) < setting.late


def _sent(stripe: Stripe, what: str, which: int) -> Stripe:
    return stripe._replace(net=tuple(sorted((*stripe.net, (what, which)))))


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


def older(stripe: Stripe, setting: Setting) -> Stripe:
    """Return Stripe one tick later."""
    return stripe._replace(
        keys=tuple((held, min(age + 1, setting.key) if held >= 0 else 0) for held, age in stripe.keys)
    )


def broken(stripe: Stripe, ledger: Ledger) -> str | None:
    """Return the law that Stripe and one ledger break together."""
    if stripe.intents.count(PAID) > 1:
        return "double"
    if ledger.state == "failed" and PAID in stripe.intents and not ledger.elsewhere:
        return "hidden"
    if ledger.state == "succeeded" and stripe.intents[ledger.intent - 1] != PAID:
        return "false"
    return None
