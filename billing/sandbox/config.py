"""Every setting of the sandbox, with its unit; read strictly, so a misspelt setting never rehearses the wrong thing."""

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import StrEnum
from typing import Any, TypeVar

from billing.sandbox.recurring import Recurring
from billing.sandbox.webhook_habits import Webhooks

T = TypeVar("T")

LARGEST = 10**10  # no setting needs more; as seconds since 1970 it is the year 2286
SECOND = 1.0
DAY = 86_400.0
START = 1_793_610_000  # Monday, 2 November 2026, 09:00 UTC: a month-end run with business days ahead


class ConfigProblem(ValueError):
    """A setting of the sandbox that cannot be used; the message names it."""


class CloneSpentOn(StrEnum):
    """Which attempts use up an unattached clone. A charge is documented; a decline is not, so rehearse both."""

    ALWAYS = "always"
    SUCCESS = "success"
    NEVER = "never"


class KeyScope(StrEnum):
    """Whose key space an idempotency key lives in: the documentation does not say."""

    ACCOUNT = "account"
    PLATFORM = "platform"


class ThreeDSecure(StrEnum):
    """How Stripe.js has a payer authenticate."""

    REDIRECT = "redirect"  # the browser leaves for a page of the bank's
    MODAL = "modal"  # a window over the page that confirmed


class PermissionWords(StrEnum):
    """How a 403 names the permission that a restricted key lacks; seen of Stripe in this order of age."""

    CODE = "code"  # `more_permissions_required`, and the permission in the text
    SLUG = "slug"  # no code; the text names `rak_...`
    BARE = "bare"  # no code, no name


class AccountRefusal(StrEnum):
    """How an account says that it cannot take charges."""

    CODE = "code"  # `capability_not_active`
    WORDS = "words"  # a sentence without any code


@dataclass(frozen=True, slots=True)
class Limits:
    """What the limiters admit. 0 switches a limiter off.

    Attributes:
        platform_rate: requests a second, all together (``global-rate``).
        endpoint_rate: requests a second of one operation (``endpoint-rate``).
        account_rate: requests a second that name one connected account.
        account_reason: the reason its 429 gives: ``global-rate`` or ``resource-specific``.
        platform_concurrency: requests in flight, all together (``global-concurrency``).
        endpoint_concurrency: requests in flight of one operation (``endpoint-concurrency``).
        burst_seconds: a bucket holds this many seconds of its rate.
    """

    platform_rate: float = 25.0
    endpoint_rate: float = 25.0
    account_rate: float = 0.0
    account_reason: str = "resource-specific"
    platform_concurrency: int = 0
    endpoint_concurrency: int = 0
    burst_seconds: float = 1.0

    @classmethod
    def off(cls) -> "Limits":
        """No limit at all."""
        return cls(platform_rate=0.0, endpoint_rate=0.0)


@dataclass(frozen=True, slots=True)
class LimitChange:
    """Other limits from a moment on: ``after_seconds`` after the sandbox's start."""

    after_seconds: float
    limits: Limits


@dataclass(frozen=True, slots=True)
class Latency:
    """How long an answer takes: lognormal around a median, as measured services are.

    Attributes:
        median_seconds: of a request that is carried out; 0 answers at once.
        sigma: spread of the logarithm; 0.5 puts the 99th percentile at 3.2 times the median.
        rejection_seconds: of a 401, a 403 or a 429, which are given before any work.
        accounts: connected accounts with a median of their own, in seconds.
    """

    median_seconds: float = 0.0
    sigma: float = 0.5
    rejection_seconds: float = 0.0
    accounts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chances:
    """Faults drawn by chance.

    Attributes:
        kinds: fault kind to its probability per request; together at most 1.
        operations: the operations they may hit; empty means all.
        hang_seconds: how long a ``hang`` withholds its answer.
        slow_seconds: how much longer a ``slow`` answer takes.
        late_seconds: how much later a ``late`` request is carried out, after its sender gave up.
    """

    kinds: Mapping[str, float] = field(default_factory=dict)
    operations: tuple[str, ...] = ()
    hang_seconds: float = 90.0
    slow_seconds: float = 2.0
    late_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Keys:
    """Which API keys are let in.

    Attributes:
        listed: the only keys accepted; empty accepts every well-formed test key.
        live: whether live keys are accepted; off, so that no live key is ever typed at a local server unnoticed.
        revoked: keys that answer 401 ``api_key_expired``.
        lacking: restricted key to the permissions it lacks, for instance ``payment_intent_write``.
        restricted: key to the only routes it may use: ``GET *``, ``POST /v1/refunds``, ``* /v1/customers*``.
        accounts: key to the connected account whose own it is; any other key is the platform's.
    """

    listed: tuple[str, ...] = ()
    live: bool = False
    revoked: tuple[str, ...] = ()
    lacking: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    restricted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The provider's habits that are configurable or not documented.

    Attributes:
        clone_spent_on: which attempts use up an unattached payment method.
        spent_code: error code of a used-up payment method; empty sends none (code not documented).
        carry_intent: whether errors about an intent carry it.
        max_confirms: confirms of one intent before the provider cancels it; 0 means no limit.
        cancel_processing: whether an intent in ``processing`` may be cancelled ("in rare cases").
        lock_intents: concurrent writes to one intent, invoice or subscription answer 429 ``lock_timeout``.
        lock_customers: so do concurrent clones from one platform customer.
        fee_delay_seconds: how long a charge has no balance transaction (``automatic_async``).
        detach_clears_default: whether a customer whose default method is detached is left without one; seen both ways.
        updates_reach_clones: whether a card that its issuer replaces is replaced in its copies too (not documented).
        search_lag_seconds: how long a search does not know of what was written ("under normal conditions" a minute).
        three_d_secure: how a browser has its payer authenticate.
        setup_processing_seconds: how long a bank account that is set up stays in ``processing``.
        debit_business_days: business days until a bank debit is known to have succeeded or failed.
        debits_booked_at_once: whether a bank debit is on the balance, pending, as soon as it is sent, and a failed one
            goes back by a row of its own; else a debit is booked when it has succeeded.
        refund_business_days: business days until a bank has taken, or returned, money that is given back.
        refund_after_failure: whether a charge can be refunded again once a refund of it was returned (not documented).
        refunds_wait: whether a refund waits while the account has too little available; else its balance is overdrawn.
        payouts: whether available funds are paid out every day at midnight UTC, where an account's schedule says so.
        failed_payout_stops: whether a payout that failed stops the schedule until there is another bank account;
            else the next one leaves as if the owner had changed it at once.
        payout_business_days: business days until a payout has arrived.
        payout_reconciliation_seconds: how long nobody can tell which transactions an automatic payout carries.
        permission_words: how a missing permission is told.
        account_refusal: how an account that cannot take charges says so.
        other_versions: whether requests of other API versions are let through, and answered in the sandbox's own.
    """

    clone_spent_on: CloneSpentOn = CloneSpentOn.ALWAYS
    spent_code: str = ""
    carry_intent: bool = True
    max_confirms: int = 0
    cancel_processing: bool = False
    lock_intents: bool = True
    lock_customers: bool = False
    fee_delay_seconds: float = 1.0
    detach_clears_default: bool = False
    updates_reach_clones: bool = False
    search_lag_seconds: float = 60.0
    three_d_secure: ThreeDSecure = ThreeDSecure.REDIRECT
    setup_processing_seconds: float = 0.0
    debit_business_days: int = 4
    debits_booked_at_once: bool = False
    refund_business_days: int = 5
    refund_after_failure: bool = False
    refunds_wait: bool = False
    payouts: bool = True
    failed_payout_stops: bool = False
    payout_business_days: int = 2
    payout_reconciliation_seconds: float = 21_600.0
    permission_words: PermissionWords = PermissionWords.CODE
    account_refusal: AccountRefusal = AccountRefusal.CODE
    other_versions: bool = False


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """One sandbox.

    Attributes:
        seed: of ids, latency and chance faults.
        start: the sandbox's clock at its start, in seconds since 1970, unless a clock is given.
        key_scope: whose key space idempotency keys live in.
        key_age_seconds: age at which an idempotency key is forgotten.
        log_size: requests kept in the log; 0 keeps none.
    """

    seed: int = 1
    start: int = START
    key_scope: KeyScope = KeyScope.ACCOUNT
    key_age_seconds: float = DAY
    log_size: int = 10_000
    limits: Limits = field(default_factory=Limits)
    limit_changes: tuple[LimitChange, ...] = ()
    latency: Latency = field(default_factory=Latency)
    chances: Chances = field(default_factory=Chances)
    keys: Keys = field(default_factory=Keys)
    behaviour: Behaviour = field(default_factory=Behaviour)
    recurring: Recurring = field(default_factory=Recurring)
    webhooks: Webhooks = field(default_factory=Webhooks)


def read(settings: Mapping[str, Any]) -> SandboxConfig:
    """The configuration of a mapping, as ``configs/sandbox.yaml`` holds it. Texts are accepted for numbers.

    Raises:
        ConfigProblem: an unknown setting, or a value of the wrong kind.
    """
    return section(SandboxConfig, settings)


def read_limits(settings: Mapping[str, Any], base: Limits) -> Limits:
    """``base`` with some limits replaced.

    Raises:
        ConfigProblem: an unknown limit, or a value of the wrong kind.
    """
    given = section(Limits, settings, "limits")
    return replace(base, **{name: getattr(given, name) for name in settings})


def section(kind: type[T], settings: object, path: str = "") -> T:
    """A mapping read as one of the dataclasses that describe the sandbox; ``path`` names it in messages.

    Raises:
        ConfigProblem: an unknown setting, a missing one, or a value of the wrong kind.
    """
    if not isinstance(settings, Mapping):
        raise ConfigProblem(f"sandbox setting {path or 'file'}: expected a mapping")
    known = {each.name for each in fields(typing.cast("Any", kind))}
    unknown = sorted(set(settings) - known)
    if unknown:
        raise ConfigProblem(f"sandbox setting {_join(path, unknown[0])} is unknown; known: {', '.join(sorted(known))}")
    hints = typing.get_type_hints(kind)
    values = {name: _value(hints[name], value, _join(path, name)) for name, value in settings.items()}
    try:
        return kind(**values)
    except TypeError:
        raise ConfigProblem(f"sandbox setting {path}: incomplete; known: {', '.join(sorted(known))}") from None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _value(kind: Any, value: object, path: str) -> Any:  # noqa: ANN401  one reader for every type a setting has
    origin = typing.get_origin(kind)
    if is_dataclass(kind):
        return section(typing.cast("type[Any]", kind), value, path)
    if origin is types.UnionType:
        return None if value is None else _value(typing.get_args(kind)[0], value, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigProblem(f"sandbox setting {path}: expected a list")
        return tuple(_value(typing.get_args(kind)[0], each, f"{path}[{n}]") for n, each in enumerate(value))
    if origin is not None:
        if not isinstance(value, Mapping):
            raise ConfigProblem(f"sandbox setting {path}: expected a mapping")
        inner = typing.get_args(kind)[1]
        return {str(name): _value(inner, each, f"{path}.{name}") for name, each in value.items()}
    return value if kind is object else _scalar(kind, value, path)


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}[text.lower()]


def _scalar(kind: Any, value: object, path: str) -> Any:  # noqa: ANN401  as typed as the setting
    if isinstance(value, dict | list) or value is None:
        raise ConfigProblem(f"sandbox setting {path}: expected one value")
    readers: dict[Any, Callable[[str], Any]] = {bool: _truth, bytes: str.encode}
    try:
        found = readers.get(kind, kind)(str(value))
    except (ValueError, KeyError):
        raise ConfigProblem(f"sandbox setting {path}: {value!r} is not a {kind.__name__}") from None
    if isinstance(found, int | float) and not 0 <= found <= LARGEST:
        raise ConfigProblem(f"sandbox setting {path}: {value!r} is not a number from 0 to {LARGEST}")
    return found
