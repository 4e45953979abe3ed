"""Stripe's side of a cancellation: what an arriving request does to a subscription and its invoices.

An invoice is one letter: ``D`` draft, ``O`` open, ``B`` open with a payment at the bank, ``P`` paid, ``V`` void. Its
place is its name. A request is its operation and the place it is about.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from billing.core.items import When
from billing.core.kinds.cancellation import CLEAR_FEE, END_LATER, END_NOW, FINALIZE, VOID
from billing.core.objects.cancellation import EndSeen, Uncollected

SUB = "sub_1"
Ask = tuple[str, str]
OK, NO = "ok", "refused"
LOST_500 = "500"
WORDS = {"D": "draft", "O": "open", "B": "open"}


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        when: the end that is asked for.
        fee: the platform's share is to be cleared before.
        runners: 1 or 2, without a lock.
        delayed: requests that may be on their way without a sender, at most.
        losses: requests and answers may be lost, limiters may say no.
        delays: a request may arrive after its sender is gone.
        kills: runners may die.
        errors: Stripe may answer 500, having done the work or not.
        refusals: Stripe may refuse for a reason that no read shows.
        invoices: how many the subscription may ever have.
        before: those that it has when the plan is made.
        bank_voids: an invoice may be made void while a bank has its payment.
        others: somebody cancels in the Dashboard, or takes an end back, once.
        stale: a list may lack the newest invoice.
        closing: the operator may want no more of it.
    """

    when: When = When.NOW
    fee: bool = False
    runners: int = 2
    delayed: int = 1
    losses: bool = True
    delays: bool = True
    kills: bool = True
    errors: bool = False
    refusals: bool = False
    invoices: int = 2
    before: str = "O"
    bank_voids: bool = False
    others: bool = False
    stale: bool = False
    closing: bool = False

    def __str__(self) -> str:
        """Return what differs from the defaults, and always when and the number of runners."""
        plain = Rules()
        changed = {name: getattr(self, name) for name in self.__slots__ if name not in ("when", "runners")}
        texts = [
            (name if value is True else f"no {name}" if value is False else f"{name}={value}")
            for name, value in changed.items()
            if value != getattr(plain, name)
        ]
        return ", ".join([self.when, f"{self.runners} runner" + "s" * (self.runners > 1), *texts])


class Stripe(NamedTuple):
    """What Stripe holds.

    Attributes:
        alive: the subscription is not over.
        ends: it is set to end with its period.
        share: the platform takes a percentage of its invoices.
        invoices: in the order of their making.
        ours: a request of ours has ended it, or set its end.
        was_set: its end was set at some time.
        meddled: others have done what they do.
        keys: operations whose answer is stored, in a design whose keys never grow.
    """

    alive: bool = True
    ends: bool = False
    share: bool = True
    invoices: str = ""
    ours: bool = False
    was_set: bool = False
    meddled: bool = False
    keys: frozenset[Ask] = frozenset()

    @property
    def collectable(self) -> bool:
        """Whether anything of it may still be collected."""
        return self.alive or bool(set(self.invoices) & set("DOB"))

    def seen(self) -> EndSeen:
        """Return what a read shows, its latest invoice included."""
        latest = None
        if self.invoices and self.invoices[-1] in WORDS:
            latest = Uncollected(str(len(self.invoices) - 1), WORDS[self.invoices[-1]])
        status = "active" if self.alive else "canceled"
        return EndSeen(SUB, status, at_period_end=self.ends, fee=self.share, latest=latest)

    def listed(self) -> tuple[Uncollected, ...]:
        """Return what a list of what may be collected shows."""
        return tuple(Uncollected(str(place), WORDS[one]) for place, one in enumerate(self.invoices) if one in WORDS)


def arrived(stripe: Stripe, ask: Ask, rules: Rules) -> Iterator[tuple[Stripe, str]]:
    """Yield what the arrival of a request may do, with its answer."""
    if ask in stripe.keys:
        yield stripe, OK
        return
    after, answer = _done(stripe, ask, rules)
    yield after, answer
    if rules.errors:
        yield after, LOST_500
        yield stripe, LOST_500
    if rules.refusals:
        yield stripe, NO


def _done(stripe: Stripe, ask: Ask, rules: Rules) -> tuple[Stripe, str]:
    op, name = ask
    if op in (str(CLEAR_FEE), str(END_NOW), str(END_LATER)):
        if not stripe.alive:
            return stripe, NO
        return {
            str(CLEAR_FEE): stripe._replace(share=False),
            str(END_NOW): stripe._replace(alive=False, ours=True),
            str(END_LATER): stripe._replace(ends=True, ours=True, was_set=True),
        }[op], OK
    place = int(name)
    one = stripe.invoices[place]
    if op == str(FINALIZE) and one == "D":
        return changed(stripe, place, "O"), OK
    if op == str(VOID) and (one == "O" or (one == "B" and rules.bank_voids)):
        return changed(stripe, place, "V"), OK
    return stripe, NO


def changed(stripe: Stripe, place: int, to: str) -> Stripe:
    """Return Stripe after one invoice changed."""
    return stripe._replace(invoices=stripe.invoices[:place] + to + stripe.invoices[place + 1 :])


def alone(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    """Yield what happens without a runner, and whether an end may not depend on it."""
    for place, one in enumerate(stripe.invoices):
        if one == "D" and stripe.alive:
            yield f"invoice {place} is opened by itself", changed(stripe, place, "O"), True
        if one == "O":
            yield f"a payment of invoice {place} goes to the bank", changed(stripe, place, "B"), True
            yield f"somebody pays invoice {place}", changed(stripe, place, "P"), True
        if one == "B":
            yield f"the bank pays invoice {place}", changed(stripe, place, "P"), False
            yield f"the bank does not pay invoice {place}", changed(stripe, place, "O"), False
    if stripe.alive and len(stripe.invoices) < rules.invoices:
        yield "it renews", stripe._replace(invoices=f"{stripe.invoices}D"), True
    if stripe.alive and stripe.ends:
        yield "its period is over", stripe._replace(alive=False), True
    if rules.others and stripe.alive and not stripe.meddled:
        yield "somebody cancels it", stripe._replace(alive=False, meddled=True), True
        if stripe.ends:
            yield "somebody takes its end back", stripe._replace(ends=False, ours=False, meddled=True), True
