"""What a reply means for us: a closed set. A lost answer is not a no, and a refusal is not always the truth."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from billing.core.declines import Decline
from billing.core.exits import Exit
from billing.core.replies import Reply

UNANSWERED = Reply(status=None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What an answer or a read showed of our intent.

    Attributes:
        intent: its id.
        charge: the latest charge's id, or None.
        amount_received: minor units taken so far.
        application_fee: the platform's share in minor units, or None.
        request_id: the provider's id of the request that showed it.
    """

    intent: str
    charge: str | None
    amount_received: int
    application_fee: int | None
    request_id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What all outcomes share. ``reply`` is what they were read from; an object known from the ledger has none."""

    reply: Reply = field(default=UNANSWERED, kw_only=True)

    @property
    def request_id(self) -> str:
        """The provider's id of the request, or empty."""
        return self.reply.request_id

    @property
    def replayed(self) -> bool:
        """It is the stored answer of an earlier request with the same key."""
        return self.reply.replayed


@dataclass(frozen=True, slots=True)
class Made(Answered):
    """Open or clone is done. ``reply.replayed`` tells that it was done earlier, under the same key."""

    object_id: str


@dataclass(frozen=True, slots=True)
class Succeeded(Answered):
    """The intent is paid; final at the provider."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Unsettled(Answered):
    """The provider accepted the charge, the bank answers in days."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Cancelled(Answered):
    """The intent is cancelled and takes no money ever after; final at the provider."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Declined(Answered):
    """A certain no to this attempt. The intent stays open."""

    decline: Decline


@dataclass(frozen=True, slots=True)
class Unconfirmed(Answered):
    """A read: the intent is open and shows no trace of this attempt's clone.

    ``earlier`` is the decline it shows of another clone, an earlier attempt's as a rule, or None when it shows none.
    """

    seen: Seen
    earlier: Decline | None = None


class Scope(StrEnum):
    """How far a refusal reaches."""

    ITEM = "item"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Refused(Answered):
    """The provider did not accept the request itself.

    Attributes:
        code: Stripe's code, or its type, or the HTTP status as ``http_403``; never empty.
        param: the parameter it is about, or empty.
        message: Stripe's sentence without keys, e-mails or card numbers.
        scope: whether it holds for the account's other items too.
        account_reason: why the account cannot be charged, with ``Scope.ACCOUNT``; else empty.
        dead_clone: it was refused because of its clone, which something has spent.
    """

    code: str
    param: str
    message: str
    scope: Scope = Scope.ITEM
    account_reason: str = ""
    dead_clone: bool = False


class LookWhy(StrEnum):
    """Why an answer is not believed."""

    NO_INTENT = "no_intent"  # an error to a confirm or cancel that does not show the intent
    SPENT_CLONE = "spent_clone"  # an earlier send may have spent it: on a charge, or on a decline
    REPLAYED = "replayed"  # a stored answer may be older than the intent
    STATE = "state"  # the intent's status is not what the request should have left
    KEY_USED = "key_used"  # the confirm's key was used before with other content: by another runner, as a rule


@dataclass(frozen=True, slots=True)
class Undecided(Answered):
    """This answer decides nothing: read the intent.

    ``refused`` is the refusal that was not believed, if it was one: after a read that shows no trace of this attempt
    it tells why (a spent clone, a wrong request).
    """

    why: LookWhy
    refused: Refused | None = None


class UnsentWhy(StrEnum):
    """Why a request was certainly not executed."""

    LIMITED = "limited"  # a rate or concurrency limiter; ``reason`` names it
    LOCKED = "locked"  # another request held the object; only this payer waits
    NETWORK = "network"  # it never left: DNS, refused, TLS, connect time-out


@dataclass(frozen=True, slots=True)
class Unsent(Answered):
    """This send certainly touched nothing. It says nothing about earlier sends of the same request.

    ``reason`` is the limiter's name or the class of the network failure; ``retry_after`` a lower bound in seconds.
    """

    why: UnsentWhy
    reason: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Busy(Answered):
    """Another request with the same key is running: wait, then the same key again."""


@dataclass(frozen=True, slots=True)
class Lost(Answered):
    """Possibly executed, and the answer is missing or worthless.

    ``renew`` tells that the key would only replay a server error: a repeat needs the next key number, after looking.
    """

    renew: bool


@dataclass(frozen=True, slots=True)
class Shown(Answered):
    """The object that was asked for, whole, and agreeing with the item; ``found`` is what it shows, its call's own."""

    found: object


@dataclass(frozen=True, slots=True)
class Halt(Answered):
    """The run must stop: ``exit`` is the process's exit code, ``message`` what the person who acts reads."""

    exit: Exit
    message: str


Outcome = (
    Made
    | Succeeded
    | Unsettled
    | Cancelled
    | Declined
    | Unconfirmed
    | Refused
    | Undecided
    | Unsent
    | Busy
    | Lost
    | Shown
    | Halt
)


class Expected(NamedTuple):
    """What an answer must agree with before it is believed. A tuple like `Reply`, and for the same reason.

    Attributes:
        item_id: the item id, which the intent carries as ``metadata.billing_item``.
        amount: minor units.
        currency: lower case.
        livemode: of the run.
        object_id: the intent on record, or None before there is one.
        instrument_id: this attempt's clone, or None before there is one.
        attempt: 1 for the first.
        fee: the platform's share in minor units, or None.
        key: the idempotency key of the request, or empty for a read.
    """

    item_id: str
    amount: int
    currency: str
    livemode: bool
    object_id: str | None
    instrument_id: str | None
    attempt: int
    fee: int | None = None
    key: str = ""
