"""Stripe's side of a sync: what an arriving request does to a link's copies and defaults, and what happens by itself.

A link has one connected customer with a default and its subscriptions. A copy is its place in the order of creation,
with the change it was made of (0 for what the subscriptions began with) and where it is: ``n`` never attached, ``a``
attached, ``d`` detached for good.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from billing.core.objects.link import Copy, Follows, Look, astray, follows, older

MOST_COPIES = 5
LINK = "link"
NONE = -1
# A subscription that names no method of its own: it follows the customer's default.


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        runners: 1 or 2, without a lock.
        changes: how often the platform's method may change, the first time before the line began.
        delayed: requests that may be on their way without a sender; of each kind one at most.
        keys: ``none`` (every arrival executes), ``pruned`` (forgotten at any moment) or ``kept``.
        losses: requests and answers may be lost.
        delays: a request may arrive after its sender is gone.
        kills: runners may die.
        own: the subscription names the copy itself, as those of older releases do; else it follows the default.
        refusals: Stripe may refuse what no repeat will change: the method, the customer or the account is gone.
        made: subscriptions that others make meanwhile, naming a copy that is attached then.
        meddles: somebody may make any copy that is attached the customer's default, once.
        copies: at most, the first one included.
        back: the platform's method may change back to the one that the first copy was made of.
        strict: with two ledgers, nothing may be dead once either has succeeded; else once both have.
    """

    runners: int = 1
    changes: int = 1
    delayed: int = 1
    keys: str = "none"
    losses: bool = True
    delays: bool = True
    kills: bool = True
    own: bool = True
    refusals: bool = False
    made: int = 0
    meddles: bool = False
    copies: int = MOST_COPIES
    back: bool = False
    strict: bool = True

    @property
    def calm(self) -> bool:
        """Whether nothing goes wrong and nobody else does anything: then no default may be dead at any moment."""
        return not (self.losses or self.delays or self.kills or self.made or self.meddles or self.changes > 1)

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


class Request(NamedTuple):
    """A request on its way.

    Attributes:
        op: ``clone``, ``attach``, ``repoint``, ``move`` or ``detach``.
        copy: which one it is about; of a clone the change that it is made of.
        place: of the subscription that is moved, else 0.
        attempt, number: in its key.
    """

    op: str
    copy: int
    place: int = 0
    attempt: int = 0
    number: int = 0


class Stripe(NamedTuple):
    """What Stripe holds of one link.

    Attributes:
        newest: how often the platform's method has changed.
        copies: (change, where it is), in the order of creation.
        default: of the connected customer.
        subscriptions: the copy that each names, or ``NONE``.
        keys: (request, first answer).
        meddled: somebody else has made a copy the default.
    """

    newest: int = 1
    copies: tuple[tuple[int, str], ...] = ((0, "a"),)
    default: int = 0
    subscriptions: tuple[int, ...] = (0,)
    keys: tuple[tuple[Request, str], ...] = ()
    meddled: bool = False

    def lives(self, copy: int) -> bool:
        """Tell whether a copy is attached."""
        return self.copies[copy][1] == "a"

    def named(self) -> set[int]:
        """Return every copy that is named as a default."""
        return {self.default, *self.subscriptions} - {NONE}

    def broken(self) -> str:
        """Return the law that the link breaks as it stands, whoever is at work on it."""
        return "" if any(where == "a" for _, where in self.copies) else "none"


def arrived(stripe: Stripe, request: Request, rules: Rules) -> tuple[Stripe, str] | None:
    """Return what the arrival of a request does, with its answer; None where the walk has no room for it."""
    stored = [answer for key, answer in stripe.keys if key == request]
    if stored:
        return stripe, stored[0]
    if request.op == "clone":
        if len(stripe.copies) == rules.copies:
            return None
        after = stripe._replace(copies=(*stripe.copies, (request.copy, "n")))
        answer = str(len(stripe.copies))
    else:
        after, answer = _EXECUTED[request.op](stripe, request)
    if rules.keys != "none":
        after = after._replace(keys=tuple(sorted((*after.keys, (request, answer)))))
    return after, answer


def _attach(stripe: Stripe, request: Request) -> tuple[Stripe, str]:
    change, where = stripe.copies[request.copy]
    if where == "d":
        return stripe, "dead"
    return _put(stripe, request.copy, (change, "a")), "ok"  # one that is attached already is as good


def _repoint(stripe: Stripe, request: Request) -> tuple[Stripe, str]:
    return (stripe._replace(default=request.copy), "ok") if stripe.lives(request.copy) else (stripe, "dead")


def _move(stripe: Stripe, request: Request) -> tuple[Stripe, str]:
    if not stripe.lives(request.copy):
        return stripe, "dead"
    found = stripe.subscriptions
    named = (*found[: request.place], request.copy, *found[request.place + 1 :])
    return stripe._replace(subscriptions=named), "ok"


def _detach(stripe: Stripe, request: Request) -> tuple[Stripe, str]:
    change, where = stripe.copies[request.copy]
    # Whoever names it goes on naming it: Stripe was seen to leave a detached method as the default.
    return (_put(stripe, request.copy, (change, "d")), "ok") if where == "a" else (stripe, "ok")


_EXECUTED = {"attach": _attach, "repoint": _repoint, "move": _move, "detach": _detach}


def _put(stripe: Stripe, place: int, copy: tuple[int, str]) -> Stripe:
    return stripe._replace(copies=(*stripe.copies[:place], copy, *stripe.copies[place + 1 :]))


def alone(stripe: Stripe, rules: Rules) -> Iterator[tuple[str, Stripe, bool]]:
    """Yield what happens without a runner, and whether an end may not depend on it."""
    if stripe.newest < rules.changes:
        yield "the platform's method changes", stripe._replace(newest=stripe.newest + 1), True
    if rules.back and stripe.newest:
        yield "the platform's method changes back", stripe._replace(newest=0), True
    if len(stripe.subscriptions) <= rules.made:
        for copy in range(len(stripe.copies)):
            if stripe.lives(copy):
                made = stripe._replace(subscriptions=(*stripe.subscriptions, copy))
                yield f"somebody makes a subscription on copy {copy}", made, True
    if rules.meddles and not stripe.meddled:
        for copy in range(len(stripe.copies)):
            if stripe.lives(copy):
                yield f"somebody makes copy {copy} the default", stripe._replace(default=copy, meddled=True), True
    if stripe.keys and rules.keys == "pruned":
        yield "24 hours pass, the keys are forgotten", stripe._replace(keys=()), False


# --- as the shipped code reads it --------------------------------------------------------------------------------


class Seen(NamedTuple):
    """What a look has shown so far, in the order in which it is read: platform, customer, subscriptions, copies."""

    newest: int = NONE
    default: int = NONE
    subscriptions: tuple[int, ...] = ()
    copies: tuple[tuple[int, str], ...] = ()


@cache
def must_follow(seen: Seen, mine: int, change: int) -> Follows:
    """Return what the shipped rule sees to follow."""
    return follows(look(seen), LINK, str(mine), str(change))


@cache
def to_detach(seen: Seen, mine: int, change: int) -> tuple[int, ...]:
    """Return the copies that the shipped rule lets go."""
    return tuple(sorted(map(int, older(look(seen), LINK, str(mine), str(change)))))


@cache
def to_move(seen: Seen, mine: int) -> tuple[int, ...]:
    """Return the places of the subscriptions that the shipped rule moves."""
    return tuple(sorted(map(int, astray(look(seen), LINK, str(mine)))))


@cache
def look(seen: Seen) -> Look:
    """Return a look as the shipped code knows it."""
    return Look(
        newest=str(seen.newest),
        default=str(seen.default),
        named={str(place): str(copy) for place, copy in enumerate(seen.subscriptions) if copy != NONE},
        copies=tuple(
            Copy(str(place), place, LINK, str(change))
            for place, (change, where) in enumerate(seen.copies)
            if where == "a"
        ),
    )
