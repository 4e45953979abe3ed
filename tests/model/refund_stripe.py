"""Stripe's side of a refund: what an arriving request does to a charge, and the answer as the shipped code reads it.

A refund is three characters: whose it is (``o`` ours, ``f`` somebody else's), its status (``P`` pending, ``S``
succeeded, ``T`` succeeded and too old to be returned, ``F`` failed), and its amount.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from billing.core.calls import Call
from billing.core.classify import classify
from billing.core.kinds import refund
from billing.core.objects import refund as objects
from billing.core.objects.refund import ChargeSeen, RefundSeen, Standing, where_it_stands
from billing.core.outcomes import Expected, Halt, Lost, Shown, Undecided
from billing.core.replies import Reply

MAX_REFUNDS = 3
ITEM, INTENT = "item", "pi_1"
STATUSES = {"P": "pending", "S": "succeeded", "T": "succeeded", "F": "failed"}


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        runners: 1 or 2, without a lock.
        delayed: refunds that may be on their way without a sender, at most.
        keys: ``none`` (every arrival executes), ``pruned`` (forgotten at any moment) or ``kept``.
        losses: requests and answers may be lost, limiters may say no.
        delays: a request may arrive after its sender is gone.
        kills: runners may die.
        errors: Stripe may answer 500, having done the work or not.
        refusals: Stripe may refuse for a reason that no read shows.
        pending: a refund may be pending first.
        counted: ``amount_refunded`` counts pending refunds.
        returns: banks may return a refund.
        again: Stripe takes another refund after one that failed.
        foreign: how many refunds others make, of a part or of all that is left.
        dispute: the payer may dispute the charge, and lose.
        stale: a list may lack what was created lately, and show what a refund was before.
        total: of the charge.
        approved: of it, by the plan; whole refunds carry no amount.
        before: a refund by others that stood when the plan was made, of one.
    """

    runners: int = 2
    delayed: int = 1
    keys: str = "none"
    losses: bool = True
    delays: bool = True
    kills: bool = True
    errors: bool = False
    refusals: bool = False
    pending: bool = False
    counted: bool = True
    returns: bool = False
    again: bool = True
    foreign: int = 0
    dispute: bool = False
    stale: bool = False
    total: int = 2
    approved: int = 2
    before: bool = False

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


class Stripe(NamedTuple):
    """What Stripe holds of one charge.

    Attributes:
        refunds: in the order of creation.
        dispute: ``-`` none, ``o`` open, ``w`` won.
        keys: (number of the key, first answer).
    """

    refunds: tuple[str, ...] = ()
    dispute: str = "-"
    keys: tuple[tuple[int, str], ...] = ()

    def standing(self, whose: str = "of") -> int:
        """Return how much is given back, or on its way: what Stripe's own fence counts."""
        return sum(int(one[2]) for one in self.refunds if one[0] in whose and one[1] != "F")

    def refunded(self, rules: Rules) -> int:
        """Return what the charge says was given back."""
        counted = "STP" if rules.counted else "ST"
        return sum(int(one[2]) for one in self.refunds if one[1] in counted)


def arrived(stripe: Stripe, number: int, rules: Rules, amount: int = 0) -> Iterator[tuple[Stripe, str]]:
    """Yield what the arrival of a refund may do, with its answer; ``amount`` 0 asks for all that is left."""
    stored = [answer for key, answer in stripe.keys if key == number]
    if stored:
        yield stripe, f"replayed {stored[0]}"
        return
    for after, answer in _executed(stripe, rules, amount):
        yield _kept(after, number, answer, rules), answer
        if rules.errors:
            yield _kept(after, number, "500", rules), "500"
            yield after, "500"  # a proxy's, stored nowhere
    if rules.errors:
        yield _kept(stripe, number, "500", rules), "500"


def _kept(stripe: Stripe, number: int, answer: str, rules: Rules) -> Stripe:
    if rules.keys == "none":
        return stripe
    return stripe._replace(keys=tuple(sorted((*stripe.keys, (number, answer)))))


def _executed(stripe: Stripe, rules: Rules, amount: int) -> Iterator[tuple[Stripe, str]]:
    left = rules.total - stripe.standing()
    if stripe.dispute == "o":
        yield stripe, "charge_disputed"
    elif left == 0 or amount > left:
        yield stripe, "charge_already_refunded"
    elif len(stripe.refunds) == MAX_REFUNDS or (not rules.again and any(one[1] == "F" for one in stripe.refunds)):
        yield stripe, "previous_attempt_failed"
    else:
        for status in "SP" if rules.pending else "S":
            yield _with(stripe, f"o{status}{amount or left}"), f"ok {status}{amount or left}"
    if rules.refusals:
        yield stripe, "wrong"


def _with(stripe: Stripe, made: str) -> Stripe:
    return stripe._replace(refunds=(*stripe.refunds, made))


def changed(stripe: Stripe, place: int, status: str) -> Stripe:
    """Return Stripe after one refund changed its status."""
    was = stripe.refunds[place]
    now = f"{was[0]}{status}{was[2]}"
    return stripe._replace(refunds=(*stripe.refunds[:place], now, *stripe.refunds[place + 1 :]))


def alone(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    """Yield what happens without a runner, and whether an end may not depend on it."""
    for place, (whose, status, amount) in enumerate(stripe.refunds):
        told = f"the refund {place + 1} ({'ours' if whose == 'o' else 'theirs'}, {amount})"
        if status == "P":
            yield f"{told} arrives at its payer", changed(stripe, place, "S"), False
        if status in "PS" and rules.returns:
            yield f"the bank returns {told}", changed(stripe, place, "F"), status == "S"
        if status == "S":
            yield f"{told} becomes too old to be returned", changed(stripe, place, "T"), False
    left, theirs = rules.total - stripe.standing(), sum(one[0] == "f" for one in stripe.refunds)
    if theirs < rules.foreign + rules.before and len(stripe.refunds) < MAX_REFUNDS and stripe.dispute != "o":
        for amount in sorted({1, left} - {0}) if left else ():
            yield f"somebody else refunds {amount}", _with(stripe, f"fS{amount}"), True
    if rules.dispute and stripe.dispute == "-":
        yield "the payer disputes the charge", stripe._replace(dispute="o"), True
    if stripe.dispute == "o":
        yield "the dispute is won", stripe._replace(dispute="w"), True
    if stripe.keys and rules.keys == "pruned":
        yield "24 hours pass, the keys are forgotten", stripe._replace(keys=()), False


def listed(stripe: Stripe, rules: Rules) -> Iterator[tuple[tuple[str, ...], bool]]:
    """Yield what a list may show, and whether that is no longer true."""
    yield stripe.refunds, False
    if not rules.stale:
        return
    for count in range(len(stripe.refunds) + 1):
        for shown in product(
            *({"S": "SP", "T": "S", "F": "FSP"}.get(one[1], one[1]) for one in stripe.refunds[:count])
        ):
            old = tuple(f"{one[0]}{status}{one[2]}" for one, status in zip(stripe.refunds, shown, strict=False))
            if old != stripe.refunds:
                yield old, True


# --- as the shipped code reads it --------------------------------------------------------------------------------


@cache
def stands(shown: tuple[str, ...], refunded: int, rules: Rules) -> tuple[Standing, str]:
    """Return where the shipped rule sees the refund stand, and the refund of ours that tells it."""
    seen = [
        RefundSeen(f"re_{place}", ITEM if one[0] == "o" else "", int(one[2]), "usd", STATUSES[one[1]], place)
        for place, one in enumerate(shown)
    ]
    charge = ChargeSeen("ch_1", INTENT, rules.total, "usd", refunded, None, False)
    standing, which = where_it_stands(ITEM, seen, charge)
    return standing, shown[which.created] if which else ""


@cache
def meaning(answer: str, approved: int) -> str:
    """Return what ``core.classify`` makes of an answer: ``succeeded``, ``pending``, ``contradicts``, ``lost``,
    ``stored`` (lost, and the key would only replay it), or ``look`` (it decides nothing)."""
    replayed, text = answer.startswith("replayed "), answer.removeprefix("replayed ")
    call = Call(refund.REFUND, "", {}, objects.made(INTENT))
    match classify(call, _reply(text, replayed), Expected(ITEM, approved, "usd", False, None, None, 1)):
        case Shown(found=RefundSeen(status=status)):
            return status
        case Halt():
            return "contradicts"
        case Lost(renew=renew):
            return "stored" if renew else "lost"
        case Undecided():
            return "look"
        case other:
            raise AssertionError(other)


def _reply(text: str, replayed: bool) -> Reply:
    if text == "500":
        return Reply(500, {"error": {"type": "api_error"}}, request_id="req_1", replayed=replayed)
    if text.startswith("ok "):
        return Reply(200, _body(text[3], int(text[4])), replayed=replayed)
    error = {"type": "invalid_request_error", "code": text}
    return Reply(400, {"error": error}, request_id="req_1", replayed=replayed)


def _body(status: str, amount: int) -> dict[str, Any]:
    """Return a refund as Stripe shows it."""
    return {
        "object": "refund", "id": "re_1", "amount": amount, "currency": "usd", "status": STATUSES[status],
        "payment_intent": INTENT, "created": 1, "metadata": {"billing_item": ITEM},
    }  # fmt: skip
