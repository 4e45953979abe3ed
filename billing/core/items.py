"""A run, its items and the lines they came from. Everything here is immutable and compares by value."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from billing.core.money import NO_MONEY, Money
from billing.core.policies import Policies


class Mode(StrEnum):
    """Which of Stripe's two worlds a run belongs to."""

    TEST = "test"
    LIVE = "live"

    @property
    def livemode(self) -> bool:
        """The value every Stripe object of this mode carries in ``livemode``."""
        return self is Mode.LIVE


class Kind(StrEnum):
    """What fulfilling an item means. Each kind has its own table of states; the ledger knows them all alike."""

    CHARGE = "charge"
    REFUND = "refund"
    PAYER = "payer"
    SUBSCRIPTION = "subscription"
    CANCELLATION = "cancellation"
    SYNC = "sync"


@dataclass(frozen=True, slots=True, repr=False)
class Personal:
    """Who somebody is: by the names of its columns, for requests to Stripe and nothing else.

    No record, log, report or message has any of it; what shows an item shows that something was withheld.
    """

    values: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Personal(withheld)" if self.values else "Personal()"

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.values)


NOBODY = Personal()
"""What items have that say nothing of anybody."""


class Named(Protocol):
    """What an item goes by, on record or in a file: what a person names when some of a run's items are meant."""

    @property
    def reference(self) -> str:
        """The operator's own id, unique in the run."""
        ...

    @property
    def account(self) -> str:
        """The connected account (``acct_…``) it happens on; empty for the platform itself."""
        ...

    @property
    def payer(self) -> str:
        """The platform customer (``cus_…``); items of one payer are carried out one after another."""
        ...


class Item(Named, Protocol):
    """What one line of a run file asks for, of whatever kind: as much as plans and the ledger need to know of each."""

    @property
    def amount(self) -> Money:
        """The money that moves, in minor units of its currency; `NO_MONEY` where none does."""
        ...


@dataclass(frozen=True, slots=True)
class Charge:
    """One direct charge to make, as the run file describes it.

    Attributes:
        reference: the operator's own id, unique in the run.
        account: the connected account (``acct_…``) the charge is made on.
        customer: the platform customer (``cus_…``) who pays.
        payment_method: on the platform (``pm_…``); None means the customer's default, looked up by the plan.
        amount: what to charge, in minor units of its currency.
        application_fee: the platform's share in minor units of the same currency, or None for none.
        description: free text on the intent, or None.
        statement_suffix: what follows the account's prefix on the card statement, or None.
        metadata: the item's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    account: str
    customer: str
    payment_method: str | None
    amount: Money
    application_fee: int | None = None
    description: str | None = None
    statement_suffix: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def payer(self) -> str:
        """The customer."""
        return self.customer


class FeeBack(StrEnum):
    """What becomes of the platform's share of a charge that is given back; it is said for each refund."""

    REFUND = "refund"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund to make: all of one charge, of which nobody has given back anything yet.

    Attributes:
        reference: the operator's own id, unique in the run; as a rule that of the item whose charge it is.
        account: the connected account (``acct_…``) the charge was made on; its balance pays.
        payer: the platform customer (``cus_…``) who gets the money.
        intent: whose charge it is (``pi_…``).
        charge: the charge itself (``ch_…`` or ``py_…``), or empty where only the intent is known.
        amount: of the whole charge, as it was approved; in minor units of its currency.
        fee: whether the platform's share goes back too; kept, the connected account bears it.
        of_run: the run that made the charge.
    """

    reference: str
    account: str
    payer: str
    intent: str
    charge: str
    amount: Money
    fee: FeeBack
    of_run: str


class When(StrEnum):
    """When a subscription ends: now, or with the period that is paid for."""

    NOW = "now"
    PERIOD_END = "period_end"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """One subscription to end. It moves no money; what was paid for the period stays paid.

    Attributes:
        reference: the operator's own id, unique in the run; as a rule that of the line that subscribed.
        account: the connected account (``acct_…``) it was made on.
        payer: the platform customer (``cus_…``) whose service ends.
        subscription: which one (``sub_…``).
        when: now, and then its open invoices are voided too; or with its period.
        of_run: the run that made it; nothing else is ended.
        clear_fee: whether the platform's percentage of its invoices is cleared before: a percentage outlives the
            connection to an account that leaves (docs.stripe.com/connect/subscriptions).
        feedback: the payer's reason in one of Stripe's words, or empty.
    """

    reference: str
    account: str
    payer: str
    subscription: str
    when: When
    of_run: str
    clear_fee: bool = False
    feedback: str = ""

    @property
    def amount(self) -> Money:
        """None moves."""
        return NO_MONEY


class Does(StrEnum):
    """What a sync has to bring in step: the copy of the payment method, the fields of the customer, or both."""

    CLONE = "clone"
    FIELDS = "fields"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Sync:
    """One link to bring in step with its platform customer. The program finds them; no file names them.

    Attributes:
        reference: the platform customer, the account, and the how manieth sync of this link it is.
        account: the connected account (``acct_…``).
        payer: the platform customer (``cus_…``).
        customer: the customer of the connected account that belongs to it.
        method: the platform's default payment method when this was found, or empty.
        change: what a copy of it was made of then (`billing.core.objects.link.change_of`), or empty.
        does: what was not in step.
        trouble: why it cannot be brought in step (a skip reason), or empty.
    """

    reference: str
    account: str
    payer: str
    customer: str
    method: str
    change: str
    does: Does
    trouble: str = ""

    @property
    def amount(self) -> Money:
        """No money moves."""
        return NO_MONEY


@dataclass(frozen=True, slots=True)
class Payer:
    """One payer to have payment details saved by, on the platform.

    Attributes:
        reference: the operator's own id of the payer, unique in the run and the same whenever the payer is meant.
        personal: e-mail, name and telephone number, which reach Stripe and nothing else.
        types: the kinds of payment methods that are asked for: ``card``, ``us_bank_account``.
        on_behalf_of: a connected account (``acct_…``) in whose country cards need strong authentication, or None.
        description: what it is for, in words that payer and operator read, or None.
        return_url: where a payer is sent from a page of Stripe's, or None.
        locale: the payer's language (``de``, ``en-GB``), or None for the browser's.
        setup_credential_usage: what card networks are told that the card is kept for, or None.
        link_until: the last day (ISO date) on which the payer's link is open; empty for a month from its making.
        first_payment: what the payer pays to the platform while saving, or no money.
        metadata: the line's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    personal: Personal
    types: tuple[str, ...]
    on_behalf_of: str | None = None
    description: str | None = None
    return_url: str | None = None
    locale: str | None = None
    setup_credential_usage: str | None = None
    link_until: str = ""
    first_payment: Money = NO_MONEY
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def account(self) -> str:
        """The platform itself."""
        return ""

    @property
    def payer(self) -> str:
        """The reference: who is to become a customer has no id of Stripe's yet."""
        return self.reference

    @property
    def amount(self) -> Money:
        """The first payment."""
        return self.first_payment


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription to open on a connected account, its first payment included.

    Attributes:
        reference: the operator's own id, unique in the run.
        account: the connected account (``acct_…``) it is opened on.
        customer: the platform customer (``cus_…``) who pays.
        payment_method: on the platform (``pm_…``); None means the customer's default, looked up by the plan.
        amount: what is due at the start, nothing before a trial or an anchor; of a line that names a price it is known
            once that was looked up.
        price: on the connected account (``price_…``), or None where the line says all of it.
        unit: minor units of ``currency`` for one, each period, where no price is named; else None.
        currency: lower case; empty where a price is named.
        interval: ``day``, ``week``, ``month`` or ``year``, where no price is named; else empty.
        interval_count: periods are this many intervals long.
        product: its id on the connected account, or the name under which it is found or made there; empty with a price.
        quantity: how many of it.
        application_fee_percent: the platform's share of each invoice, such as ``7.5``, or None for none.
        trial_end: epoch second until which nothing is due, or None.
        anchor: epoch second at which the first full period begins, before which nothing is due, or None.
        description: free text on the subscription, or None.
        metadata: the item's own metadata in file order, without the ``billing_…`` names.
    """

    reference: str
    account: str
    customer: str
    payment_method: str | None
    amount: Money
    price: str | None
    unit: int | None
    currency: str
    interval: str
    interval_count: int
    product: str
    quantity: int
    application_fee_percent: str | None = None
    trial_end: int | None = None
    anchor: int | None = None
    description: str | None = None
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def payer(self) -> str:
        """The customer."""
        return self.customer

    @property
    def statement_suffix(self) -> None:
        """None: what a statement says of a subscription is its product's to say."""
        return

    @property
    def starts_later(self) -> bool:
        """Whether nothing is due before a trial ends or an anchor is reached."""
        return self.trial_end is not None or self.anchor is not None


@dataclass(frozen=True, slots=True)
class InputLine:
    """One data line of the input with what it means.

    Attributes:
        line: its 1-based physical line in the file, for messages and reports.
        cells: the texts as read, one per input column.
        item: what it asks for, or None when the line is invalid and was set aside.
        reason: why it was set aside; empty for a valid line.
    """

    line: int
    cells: tuple[str, ...]
    item: Item | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run file says about the run as a whole.

    Attributes:
        name: what is billed, such as ``coaching``.
        period: for which period, such as ``2026-11``; with the reference it names an obligation.
        run_id: ``name-period`` unless the operator chose otherwise; stable across restarts.
        timezone: IANA name in which days are meant.
        mode: test or live.
        columns: the input columns in input order, for the report.
        not_after: the last day (ISO date) on which this file may be run, or None.
        policies: the limits, guards and schedules that hold for it.
        currencies: the dated currency table the amounts were read with.
        kind: what fulfilling its items means.
    """

    name: str
    period: str
    run_id: str
    timezone: str
    mode: Mode
    columns: tuple[str, ...]
    not_after: str | None = None
    policies: Policies = field(default_factory=Policies)
    currencies: str = ""
    kind: Kind = Kind.CHARGE
