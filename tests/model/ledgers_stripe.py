"""What two ledgers share: one Stripe, its keys and its intents, and what is on its way there without a sender."""

from collections.abc import Iterator
from typing import NamedTuple

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
        used: what a ledger does whose confirm meets a key that another one has used: ``reads`` the intent, and goes on
            from there under the next key; ``fails`` it where the intent shows nothing; ``opens`` another intent.
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
    used: str = "reads"


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


def room(stripe: Stripe, setting: Setting) -> bool:
    return len(stripe.net) < setting.late


def sent(stripe: Stripe, what: str, which: int) -> Stripe:
    return stripe._replace(net=tuple(sorted((*stripe.net, (what, which)))))


def older(stripe: Stripe, setting: Setting) -> Stripe:
    """Return Stripe one tick later."""
    return stripe._replace(
        keys=tuple((held, min(age + 1, setting.key) if held >= 0 else 0) for held, age in stripe.keys)
    )
