"""Stripe's side of a payer: what a request does to customers and invitations, as the shipped code reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.kinds import payer
from billing.core.objects import customer as customers
from billing.core.objects import setup
from billing.core.objects.setup import InvitationSeen, Standing, invitation_seen, newest_saved, where_it_stands
from billing.core.outcomes import Expected, Lost, Made, Refused, Shown
from billing.core.replies import Reply

ITEM = "item"
STATUSES = {"o": "requires_payment_method", "p": "processing", "x": "canceled", "s": "succeeded"}


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        runners: 1 or 2, without a lock; of two ledgers each has one.
        keys: ``none`` (every arrival executes), ``pruned`` (forgotten after a day) or ``kept``.
        losses: requests and answers may be lost.
        delays: a create, an invitation or a cancel may arrive after its sender is gone.
        late: a default may, too.
        kills: runners may die.
        errors: Stripe may answer 500, having done the work or not, stored or not.
        pays: each invitation takes a first payment.
        waits: the bank may take days.
        vanishes: a method may be attached to nobody as soon as it is saved.
        expires: an invitation may end by itself.
        detached: somebody may detach a method that was saved.
        foreign: a person may save a method for the customer in the Dashboard.
        refusals: Stripe may refuse a customer or an invitation.
        stale: a list of customers may lack the youngest, while the key of its create is known.
        delayed: requests on their way without a sender, at most.
        setups: invitations there may be.
        attempts: of one ledger.
        days: how often all keys may be forgotten.
    """

    runners: int = 2
    keys: str = "none"
    losses: bool = True
    delays: bool = True
    late: bool = True
    kills: bool = True
    errors: bool = False
    pays: bool = False
    waits: bool = False
    vanishes: bool = False
    expires: bool = False
    detached: bool = False
    foreign: bool = False
    refusals: bool = False
    stale: bool = False
    delayed: int = 1
    setups: int = 2
    attempts: int = 2
    days: int = 1

    def __str__(self) -> str:
        """Return what differs from the defaults, and always the number of runners."""
        plain = Rules()
        changed = {name: getattr(self, name) for name in self.__slots__ if name != "runners"}
        texts = [
            (name if value is True else f"no {name}" if value is False else f"{name}={value}")
            for name, value in changed.items()
            if value != getattr(plain, name)
        ]
        return ", ".join([f"{self.runners} runner" + "s" * (self.runners > 1), *texts])


class Setup(NamedTuple):
    """An invitation.

    Attributes:
        customer: whose, by number.
        status: ``o`` open, ``p`` processing, ``x`` cancelled or expired, ``s`` succeeded.
        method: ``-`` none, ``a`` attached, ``g`` gone.
        shown: a payer has its secret.
        foreign: it is none of ours.
    """

    customer: int
    status: str = "o"
    method: str = "-"
    shown: bool = False
    foreign: bool = False


class Request(NamedTuple):
    """A request that changes something; ``number`` is of its key, and what else is in the key stands beside it."""

    op: str
    customer: int = -1
    setup: int = -1
    number: int = 0


class Stripe(NamedTuple):
    """What Stripe holds of one payer.

    Attributes:
        customers: how many were made; the oldest is 0.
        setups: in the order of creation.
        defaults: of each customer the setup whose method is the default, or -1.
        keys: (request, first answer).
        age: how often all keys were forgotten, which takes a day.
        detached: whether somebody has detached a method.
    """

    customers: int = 0
    setups: tuple[Setup, ...] = ()
    defaults: tuple[int, ...] = ()
    keys: tuple[tuple[Request, str], ...] = ()
    age: int = 0
    detached: bool = False


def arrived(stripe: Stripe, request: Request, rules: Rules) -> Iterator[tuple[Stripe, str]]:
    """Yield what the arrival of a request may do, with its answer."""
    stored = [answer for key, answer in stripe.keys if key == request]
    if stored:
        yield stripe, f"replayed {stored[0]}"
        return
    after, answer = _executed(stripe, request, rules)
    yield _kept(after, request, answer, rules), answer
    if rules.refusals and request.op in ("customer", "invite"):
        yield stripe, "refused"
    if not rules.errors:
        return
    yield _kept(after, request, answer, rules), "500"  # a proxy's: the key knows better
    if stripe.age < rules.days:  # after the last day an error that is stored would be an end
        yield _kept(after, request, "500", rules), "500"
        yield _kept(stripe, request, "500", rules), "500"
    else:
        yield stripe, "500"


def _kept(stripe: Stripe, request: Request, answer: str, rules: Rules) -> Stripe:
    if rules.keys == "none" or answer == "refused":
        return stripe
    return stripe._replace(keys=tuple(sorted((*stripe.keys, (request, answer)))))


def _executed(stripe: Stripe, request: Request, rules: Rules) -> tuple[Stripe, str]:
    match request.op:
        case "customer" if stripe.customers < 2:
            made = stripe._replace(customers=stripe.customers + 1, defaults=(*stripe.defaults, -1))
            return made, f"made {stripe.customers}"
        case "invite" if sum(not one.foreign for one in stripe.setups) < rules.setups:
            return stripe._replace(setups=(*stripe.setups, Setup(request.customer))), f"made {len(stripe.setups)}"
        case "default" if stripe.setups[request.setup].method == "a":
            defaults = list(stripe.defaults)
            defaults[request.customer] = request.setup
            return stripe._replace(defaults=tuple(defaults)), f"ok {request.setup}"
        case "cancel" if stripe.setups[request.setup].status == "o":
            return changed(stripe, request.setup, status="x"), "ok -1"
        case "customer" | "invite":
            return stripe, "500"  # a bound of the model
        case _:
            return stripe, "refused"


def changed(stripe: Stripe, place: int, **fields: Any) -> Stripe:
    """Return Stripe after one invitation changed."""
    setups = list(stripe.setups)
    setups[place] = setups[place]._replace(**fields)
    return stripe._replace(setups=tuple(setups))


def alone(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    """Yield what payers, banks and time do, and whether an end may not depend on it."""
    for says, after in _others(stripe, rules):
        yield says, after, True
    if stripe.keys and rules.keys == "pruned" and stripe.age < rules.days:
        yield "a day passes, the keys are forgotten", stripe._replace(keys=(), age=stripe.age + 1), False


def _others(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe]]:
    for place, one in enumerate(stripe.setups):
        told = f"invitation {place}"
        if one.status == "o" and one.shown:
            yield f"the payer completes {told}", changed(stripe, place, status="s", method="a")
            if rules.waits:
                yield f"the payer completes {told}, the bank takes days", changed(stripe, place, status="p")
        if one.status == "p":
            yield f"the bank takes {told}", changed(stripe, place, status="s", method="a")
            yield f"the bank refuses {told}", changed(stripe, place, status="o")
        if one.status in "op" and one.shown and rules.vanishes:
            yield f"the payer completes {told}, its method vanishes", changed(stripe, place, status="s", method="g")
        if one.status == "o" and rules.expires:
            yield f"{told} ends by itself", changed(stripe, place, status="x")
        if one.method == "a" and rules.detached and not stripe.detached:
            yield f"somebody detaches the method of {told}", _detached(stripe, place)
    if rules.foreign and stripe.customers and not any(one.foreign for one in stripe.setups):
        saved_there = Setup(0, "s", "a", foreign=True)
        yield "a person saves another method", stripe._replace(setups=(*stripe.setups, saved_there))


def _detached(stripe: Stripe, place: int) -> Stripe:
    defaults = tuple(-1 if default == place else default for default in stripe.defaults)
    return changed(stripe, place, method="g")._replace(defaults=defaults, detached=True)


def saved(stripe: Stripe, customer: int) -> int:
    """Return the newest saved method of a customer by its invitation, or -1."""
    found = [place for place, one in enumerate(stripe.setups) if one.customer == customer and one.method == "a"]
    return max(found, default=-1)


# --- as the shipped code reads it --------------------------------------------------------------------------------


def _body(place: int, one: Setup, rules: Rules) -> dict[str, Any]:
    """Return an invitation as Stripe shows it."""
    owner = f"cus_{one.customer}" if one.method == "a" else None
    pays = rules.pays and not one.foreign
    return {
        "object": "payment_intent" if pays else "setup_intent", "id": f"{'pi' if pays else 'seti'}_{place}",
        "status": STATUSES[one.status], "livemode": False, "created": place, "customer": f"cus_{one.customer}",
        "metadata": {} if one.foreign else {"billing_item": ITEM}, "amount": 1, "currency": "usd",
        "payment_method": None if one.method == "-" else {"id": f"pm_{place}", "customer": owner},
    }  # fmt: skip


@cache
def _seen(place: int, one: Setup, rules: Rules) -> InvitationSeen:
    seen = invitation_seen(_body(place, one, rules))
    assert seen is not None
    return seen


@cache
def stands(one: Setup, rules: Rules) -> Standing:
    """Return where the shipped rule sees an invitation stand."""
    return where_it_stands(_seen(0, one, rules))


@cache
def newest(setups: tuple[Setup, ...], customer: int, rules: Rules) -> int:
    """Return what the shipped rule takes for the newest saved method of a customer, or -1."""
    listed = [_seen(place, one, rules) for place, one in enumerate(setups) if one.customer == customer]
    found = newest_saved(listed, frozenset({ITEM}))
    return -1 if found is None else int(found.method.removeprefix("pm_"))


@cache
def meaning(answer: str, request: Request, rules: Rules) -> str:
    """Return what ``core.classify`` makes of an answer: ``made N``, ``shown``, ``refused`` or ``lost``."""
    replayed, text = answer.startswith("replayed "), answer.removeprefix("replayed ")
    reply = Reply(500, {"error": {"type": "api_error"}}, request_id="req_1", replayed=replayed)
    if text == "refused":
        reply = Reply(400, {"error": {"type": "invalid_request_error", "code": "resource_missing"}})
    elif text != "500":
        reply = Reply(200, _answer(request, int(text.split()[1]), rules), replayed=replayed)
    held = f"{'pi' if rules.pays else 'seti'}_{request.setup}"
    expected = Expected(ITEM, 1, "usd", False, f"cus_{request.customer}", held, 1)
    match classify(_call(request), reply, expected):
        case Made(object_id=named):
            return f"made {named.split('_')[1]}"
        case Shown():
            return "shown"
        case Refused():
            return "refused"
        case Lost():
            return "lost"
        case other:
            raise AssertionError(other)


def _answer(request: Request, told: int, rules: Rules) -> dict[str, Any]:
    if request.op == "invite":
        return _body(told, Setup(request.customer), rules)
    if request.op == "cancel":
        return _body(request.setup, Setup(request.customer, "x"), rules)
    named, default = (told, None) if request.op == "customer" else (request.customer, f"pm_{told}")
    return {
        "object": "customer", "id": f"cus_{named}", "created": named, "livemode": False,
        "metadata": {"billing_item": ITEM}, "invoice_settings": {"default_payment_method": default},
    }  # fmt: skip


def _call(request: Request) -> Call:
    owner = f"cus_{request.customer}"
    op, reads = {
        "customer": (payer.CREATE, customers.made(ITEM)),
        "invite": (payer.INVITE, setup.opened(owner)),
        "default": (payer.DEFAULT, customers.shown(owner)),
        "cancel": (payer.CANCEL, setup.shown(owner)),
    }[request.op]
    return Call(op, "", {}, reads, account="")
