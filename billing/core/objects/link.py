"""What reads show of a link: its platform customer, the customer of the connected account, copies and subscriptions.

A copy is told by the metadata that it was made with: whose it is, and of which method of the platform. Never by its
fingerprint: one card may be saved twice, and a network's update changes it. What it was made of, its own data tell.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from billing.core.keys import length_prefixed

LINK, METHOD = "billing_link", "billing_method"
# The metadata of a copy: its platform customer, and the platform's payment method that it was made of.
CARRIED = ("name", "email", "phone", "address")
# What a connected customer has from its platform customer. (docs.stripe.com/connect/direct-charges-multiple-accounts)


def change_of(method: str, expiry: tuple[int, int] | None, last4: str) -> str:
    """Return the 16 hex characters of what a copy is made of: which method of the platform, and what of it may change.

    Args:
        method: the payment method on the platform (``pm_…``).
        expiry: month and year of a card, which a network or a person may change; None for a bank account.
        last4: of the number, which a network may change under the same id.
    """
    return sha256(length_prefixed(("change", method, *(expiry or ("", "")), last4))).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Payer:
    """The platform customer, as it is now.

    Attributes:
        deleted: it is no more.
        method: its default payment method, or empty when it has none.
        change: what a copy of that is made of, or empty.
        fields: what is carried over (`CARRIED`); it reaches Stripe and nothing else.
    """

    deleted: bool
    method: str = ""
    change: str = ""
    fields: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Copy:
    """A payment method attached to the customer of a connected account.

    Attributes:
        id: ``pm_…``.
        created: epoch second.
        link: the platform customer in its metadata, or empty for one that is not ours, or not the link's.
        change: what it was made of, or empty.
    """

    id: str
    created: int
    link: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """All of a link that a sync decides by, in the order in which it was read.

    Attributes:
        newest: what a copy would be made of now, or empty where the platform has no method any more.
        default: the default of the connected customer, or empty.
        named: subscription -> the method that it names itself, of those that live and name one; without those that
            were subscribed with a method of their own.
        copies: the payment methods attached to the connected customer.
        fields_agree: whether the carried fields of both customers are the same.
    """

    newest: str
    default: str
    named: Mapping[str, str]
    copies: tuple[Copy, ...]
    fields_agree: bool = True


class Follows(StrEnum):
    """What must follow from a look, the first that applies."""

    CLONE = "clone"
    REPOINT = "repoint"
    DETACH = "detach"
    NOTHING = "nothing"


def follows(look: Look, link: str, mine: str, change: str, before: Collection[str] = ()) -> Follows:
    """Return what must follow from a look for the copy that this attempt has made.

    Args:
        look: what was read.
        link: the platform customer, whose copies are ours.
        mine: this attempt's copy.
        change: what it was made of.
        before: copies of earlier attempts of the same line.
    """
    if look.newest not in ("", change) or mine not in {copy.id for copy in look.copies}:
        return Follows.CLONE
    if look.default != mine or astray(look, link, mine) or not look.fields_agree:
        return Follows.REPOINT
    return Follows.DETACH if older(look, link, mine, change, before) else Follows.NOTHING


def astray(look: Look, link: str, mine: str) -> tuple[str, ...]:
    """Return the subscriptions that name another copy of ours, or one that is attached no longer.

    One that names a method which is not ours is left alone: whoever made it named it on purpose.
    """
    foreign = {copy.id for copy in look.copies if copy.link != link}
    return tuple(name for name, method in look.named.items() if method != mine and method not in foreign)


def older(look: Look, link: str, mine: str, change: str, before: Collection[str] = ()) -> tuple[str, ...]:
    """Return the copies that may be detached: ours, older than this attempt's, and of another change.

    ``before`` are those of earlier attempts of the same line, which are older even in the same second.

    Never a younger one, whoever made it: so of two runners, or two ledgers, none takes away what the other has just
    made, and the youngest is detached by nobody.
    """
    own = next((copy for copy in look.copies if copy.id == mine), None)
    if own is None:
        return ()
    return tuple(
        copy.id
        for copy in look.copies
        if copy.link == link
        and copy.change != change
        and (copy.created < own.created or copy.id in before)  # of one second: neither is older
    )


def in_step(look: Look, link: str) -> bool:
    """Tell whether a link needs nothing: its default is a living copy of the newest, and nothing names another."""
    default = next((copy for copy in look.copies if copy.id == look.default and copy.link == link), None)
    current = default is not None and default.change == look.newest
    return current and look.fields_agree and not astray(look, link, look.default)


def differing(ours: Mapping[str, object], theirs: Mapping[str, object]) -> dict[str, object]:
    """Return what a connected customer must be given to be called as its platform customer is; empty when it is.

    A name, an e-mail address or a telephone number can be changed and not unset (docs.stripe.com/api/customers/update);
    of an address those parts count that the platform has.
    """
    found: dict[str, object] = {}
    for name in CARRIED:
        wanted, there = _parts(ours.get(name)), _parts(theirs.get(name))
        if isinstance(wanted, dict) or isinstance(there, dict):
            if _differs(wanted or {}, there or {}):
                found[name] = wanted or ""
        elif wanted and wanted != there:
            found[name] = wanted
    return found


def _parts(value: object) -> object:
    """Return a value without the parts of it that are empty."""
    return {name: part for name, part in value.items() if part} if isinstance(value, Mapping) else value or None


def _differs(ours: object, theirs: object) -> bool:
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return ours != theirs
    return bool(theirs) if not ours else any(theirs.get(name) != part for name, part in ours.items())
