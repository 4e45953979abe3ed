"""Stripe's side of a line that is to be subscribed: what an arriving request does, what happens alone, what is shown.

Requests are ``(what, number, subscription)``: ``open``, ``pay``, ``clear``, ``cancel``, ``void``. The number is that of
a key; cancel and void have none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.kinds import subscription
from billing.core.objects import invoice as invoices
from billing.core.objects.subscription import InvoiceSeen, Standing, SubscriptionSeen, where_it_stands
from billing.core.outcomes import Declined, Expected, Lost, Refused, Shown, Undecided
from billing.core.replies import Reply

OLD = 2
# Ticks after which a key may be forgotten; by then an incomplete subscription is dead.
FRESH = 1
# Ticks for which a list is good.
Request = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        runners: 1 or 2 on one ledger, without a lock. Two ledgers have a runner each.
        most: subscriptions that the line may come to have.
        delayed: requests that may be on their way without a sender, at most.
        keys: ``none`` (every arrival executes), ``pruned`` (forgotten at any moment), ``kept``, or ``aged``: time
            passes by the tick, and ages decide.
        due: something is due at the start; else the subscription is opened under a fuse.
        attempts: at paying the first invoice.
        losses, delays, kills: as for refunds.
        errors: Stripe may answer 500, having done the work or not.
        refusals: a pay may be refused for a reason that no read shows.
        debits: a payment may be with the bank first, and be refused later.
        active: a payment that is with the bank makes the subscription active.
        operator: the line may be given up at any moment.
        dashboard: somebody else may cancel a subscription.
        cancel_voids: cancelling voids the open invoice.
        voiding: what voiding the invoice of an incomplete subscription does to it: ``kills``, ``revives``, ``nothing``.
        same: two ledgers open with the same content; else the second one may hear that its key was used.
        linking: the inert steps before the open are walked too.
    """

    runners: int = 2
    most: int = 2
    delayed: int = 1
    keys: str = "none"
    due: bool = True
    attempts: int = 1
    losses: bool = True
    delays: bool = True
    kills: bool = True
    errors: bool = False
    refusals: bool = False
    debits: bool = False
    active: bool = True
    operator: bool = True
    dashboard: bool = False
    cancel_voids: bool = False
    voiding: str = "kills"
    same: bool = True
    linking: bool = False

    def __str__(self) -> str:
        """Return what differs from the defaults."""
        plain = Rules()
        changed = {name: getattr(self, name) for name in self.__slots__ if name != "runners"}
        texts = [
            (name if value is True else f"no {name}" if value is False else f"{name}={value}")
            for name, value in changed.items()
            if value != getattr(plain, name)
        ]
        return ", ".join([f"{self.runners} runner" + "s" * (self.runners > 1), *texts])


class Sub(NamedTuple):
    """One subscription.

    Attributes:
        status: ``i`` incomplete, ``a`` active, ``f`` under its fuse, ``x`` dead.
        invoice: the first: ``-`` nothing due, ``o`` open, ``b`` with the bank, ``p`` paid, ``v`` void.
        renewed: a later invoice was paid.
        tried: the open invoice shows an attempt that took nothing.
        marked: it says of itself that it was started.
        started: it has renewed by itself, or would have: what nobody can read of a dead one without a mark.
        age: ticks since it was opened.
    """

    status: str
    invoice: str
    renewed: bool = False
    tried: bool = False
    marked: bool = False
    started: bool = False
    age: int = 0

    @property
    def counts(self) -> bool:
        """Whether it was ever paid or ever will be."""
        return self.has_counted or self.status == "a"

    @property
    def has_counted(self) -> bool:
        """Whether it was paid or started."""
        return self.invoice == "p" or self.renewed or self.started

    @property
    def listed(self) -> str:
        """What a list says of it: ``c`` it has counted or does, ``l`` it lives, ``n`` neither."""
        if self.invoice == "p" or self.renewed or self.marked or self.status == "a":
            return "c"
        return "n" if self.status == "x" else "l"


class Stripe(NamedTuple):
    """Subscriptions of the line in the order of creation, and keys: (what, number, subscription, answer, age)."""

    subs: tuple[Sub, ...] = ()
    keys: tuple[tuple[str, int, int, str, int], ...] = ()


def changed(stripe: Stripe, which: int, **fields: object) -> Stripe:
    """Return Stripe after one subscription changed."""
    subs = list(stripe.subs)
    subs[which - 1] = subs[which - 1]._replace(**fields)  # type: ignore[arg-type]
    return stripe._replace(subs=tuple(subs))


def arrived(stripe: Stripe, request: Request, rules: Rules, *, design: str = "") -> Iterator[tuple[Stripe, str]]:
    """Yield what the arrival of a request may do, with its answer."""
    what, number, which = request
    stored = next((key for key in stripe.keys if key[:2] == (what, number)), None)
    if stored is not None:
        if not rules.same or (what != "open" and stored[2] != which):
            yield stripe, "other"
        if what == "open" or stored[2] == which:
            yield stripe, f"replayed {stored[3]}"
        return
    for after, answer in _executed(stripe, request, rules, design):
        yield _kept(after, request, answer, rules), answer
        if rules.errors:
            yield _kept(after, request, "500", rules), "500"
            yield after, "500"  # a proxy's, stored nowhere
    if rules.errors:
        yield _kept(stripe, request, "500", rules), "500"


def _kept(stripe: Stripe, request: Request, answer: str, rules: Rules) -> Stripe:
    what, number, which = request
    if rules.keys == "none" or what in ("cancel", "void"):
        return stripe
    return stripe._replace(keys=tuple(sorted((*stripe.keys, (what, number, which, answer, 0)))))


def _executed(stripe: Stripe, request: Request, rules: Rules, design: str) -> Iterator[tuple[Stripe, str]]:
    what, _, which = request
    match what:
        case "open":
            yield from _opened(stripe, rules, design)
            if rules.refusals:
                yield stripe, "400"
        case "pay":
            yield from _paid(stripe, which, rules)
        case "clear":
            yield from _cleared(stripe, which, design)
        case "cancel":
            yield from _cancelled(stripe, which, rules)
        case "void":
            yield from _voided(stripe, which, rules)


def _opened(stripe: Stripe, rules: Rules, design: str) -> Iterator[tuple[Stripe, str]]:
    if len(stripe.subs) == rules.most:
        yield stripe, "full"  # the bound of the walk; what is there will be listed
        return
    made = Sub("i", "o") if rules.due else Sub("f", "-")
    if design == "one call":
        yield stripe, "402"
        made = Sub("a", "p")
    elif design == "no fuse":
        made = Sub("a", "-", started=True)
    yield stripe._replace(subs=(*stripe.subs, made)), f"made {len(stripe.subs) + 1}"


def _paid(stripe: Stripe, which: int, rules: Rules) -> Iterator[tuple[Stripe, str]]:
    sub = stripe.subs[which - 1]
    if sub.invoice != "o":
        yield stripe, "400"
        return
    alive = sub.status != "x"
    yield changed(stripe, which, invoice="p", status="a" if alive else "x"), "paid alive" if alive else "paid dead"
    yield changed(stripe, which, tried=True), "402"
    if rules.debits:
        status = "a" if rules.active and sub.status == "i" else sub.status
        yield changed(stripe, which, invoice="b", status=status), "processing"
    if rules.refusals:
        yield stripe, "400"


def _cleared(stripe: Stripe, which: int, design: str) -> Iterator[tuple[Stripe, str]]:
    sub = stripe.subs[which - 1]
    if sub.status == "x":
        yield stripe, "400"
    else:
        yield changed(stripe, which, status="a", started=True, marked=design != "no mark"), "cleared"


def _cancelled(stripe: Stripe, which: int, rules: Rules) -> Iterator[tuple[Stripe, str]]:
    sub = stripe.subs[which - 1]
    voided = rules.cancel_voids and sub.invoice == "o"
    yield changed(stripe, which, status="x", invoice="v" if voided else sub.invoice), "done"


def _voided(stripe: Stripe, which: int, rules: Rules) -> Iterator[tuple[Stripe, str]]:
    sub = stripe.subs[which - 1]
    if sub.invoice != "o":
        yield stripe, "400"
        return
    status = {"kills": "x", "revives": "a", "nothing": "i"}[rules.voiding] if sub.status == "i" else sub.status
    yield changed(stripe, which, invoice="v", status=status), "done"


# --- by itself ---------------------------------------------------------------------------------------------------


def alone(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    """Yield what happens without a runner, and whether an end may not depend on it."""
    for which, sub in enumerate(stripe.subs, 1):
        yield from _of_one(stripe, which, sub, rules)
    for place, key in enumerate(stripe.keys):
        if rules.keys == "pruned" or (rules.keys == "aged" and key[4] >= OLD):
            keys = (*stripe.keys[:place], *stripe.keys[place + 1 :])
            yield f"the key {key[0]} {key[1]} is forgotten", stripe._replace(keys=keys), False


def _of_one(stripe: Stripe, which: int, sub: Sub, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    said = f"subscription {which}"
    match sub.status:
        case "i" if sub.invoice != "b":
            yield f"{said} expires", _expired(stripe, which), True
        case "f":
            yield f"{said} reaches its fuse", changed(stripe, which, status="x"), True
        case "a" if sub.invoice in "bov" and not sub.renewed:
            unasked = sub.invoice == "v"  # voiding has made it active, and nobody has paid for it
            yield f"{said} is renewed and paid", changed(stripe, which, renewed=True, started=unasked), True
    if sub.invoice == "b":
        status = "a" if sub.status == "i" else sub.status
        yield f"the bank pays {said}", changed(stripe, which, invoice="p", status=status), False
        yield f"the bank refuses {said}", changed(stripe, which, invoice="o", tried=True), True
    if sub.invoice == "o" and sub.status == "a":
        yield f"Stripe tries {said} again and is paid", changed(stripe, which, invoice="p"), True
    if rules.dashboard and sub.status != "x":
        yield f"somebody cancels {said}", next(_cancelled(stripe, which, rules))[0], True


def _expired(stripe: Stripe, which: int) -> Stripe:
    invoice = "v" if stripe.subs[which - 1].invoice == "o" else stripe.subs[which - 1].invoice
    return changed(stripe, which, status="x", invoice=invoice)


def older(stripe: Stripe) -> Stripe:
    """Return Stripe one tick later: an incomplete subscription does not live until its key may be forgotten."""
    keys = tuple((*key[:4], min(key[4] + 1, OLD)) for key in stripe.keys)
    stripe = Stripe(tuple(sub._replace(age=min(sub.age + 1, OLD)) for sub in stripe.subs), keys)
    for which, sub in enumerate(stripe.subs, 1):
        if sub.status == "i" and sub.age == OLD and sub.invoice != "b":
            stripe = _expired(stripe, which)
    return stripe


# --- as the shipped code reads it --------------------------------------------------------------------------------

STATUSES = {"i": "incomplete", "a": "active", "f": "trialing", "x": "canceled"}
INVOICES = {"o": "open", "b": "open", "p": "paid", "v": "void"}


@cache
def stands(status: str, marked: bool, invoice: str, renewed: bool, tried: bool) -> Standing:
    """Return where the shipped rule sees a subscription stand, by what two reads have shown."""
    seen = SubscriptionSeen("sub_1", STATUSES[status], marked=marked)
    first = InvoiceSeen("in_1", INVOICES.get(invoice, ""), 100, processing=invoice == "b", tried=tried)
    rows = [first] if invoice != "-" else []
    return where_it_stands(seen, [*rows, *([InvoiceSeen("in_2", "paid", 100)] if renewed else [])])


@cache
def meaning(answer: str) -> str:
    """Return what ``core.classify`` makes of an answer to a pay.

    ``paid``, ``declined``, ``look``, ``lost``, ``stored`` (lost, and the key would only replay it), or ``other`` (the
    key was used for another invoice).
    """
    replayed, text = answer.startswith("replayed "), answer.removeprefix("replayed ")
    call = Call(subscription.PAY, "", {}, invoices.paid("in_1", "sub_1", "pi_1"))
    expected = Expected("item", 100, "usd", False, "sub_1", None, 1)
    match classify(call, _reply(text, replayed), expected):
        case Shown(found=Standing.PAID):
            return "paid"
        case Declined():
            return "declined"
        case Lost(renew=renew):
            return "stored" if renew else "lost"
        case Undecided(why=why):
            return "other" if why == "key_used" else "look"
        case Refused():
            return "look"
        case other:
            raise AssertionError(other)


def _reply(text: str, replayed: bool) -> Reply:
    if text == "500":
        return Reply(500, {"error": {"type": "api_error"}}, request_id="req_1", replayed=replayed)
    if text == "402":
        error: dict[str, Any] = {"type": "card_error", "code": "card_declined", "payment_intent": {"id": "pi_1"}}
        return Reply(402, {"error": error}, request_id="req_1", replayed=replayed)
    if text in ("400", "other"):
        kind = "idempotency_error" if text == "other" else "invalid_request_error"
        return Reply(400, {"error": {"type": kind}}, request_id="req_1", replayed=replayed)
    status = "canceled" if text.endswith("dead") else "active"
    body = {
        "object": "invoice", "id": "in_1", "livemode": False, "total": 100, "currency": "usd",
        "status": "paid" if text.startswith("paid") else "open",
        "parent": {"subscription_details": {"subscription": {"id": "sub_1", "status": status}}},
    }  # fmt: skip
    return Reply(200, body, replayed=replayed)
