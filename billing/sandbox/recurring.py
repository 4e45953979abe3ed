"""Settings of what recurs: times of an invoice's life, retries, and the habits that Stripe leaves undocumented."""

from dataclasses import dataclass
from enum import StrEnum


class VoidedFirst(StrEnum):
    """What voiding the first invoice makes of an incomplete subscription; the documentation does not say."""

    EXPIRES = "expires"  # it becomes `incomplete_expired`
    ACTIVATES = "activates"  # it becomes `active` without a payment
    NOTHING = "nothing"  # it stays `incomplete` until its time is over


class AfterRetries(StrEnum):
    """What an account has set for a subscription whose renewal no retry could collect.

    Source: docs.stripe.com/billing/revenue-recovery/smart-retries.
    """

    CANCELED = "canceled"
    UNPAID = "unpaid"
    PAST_DUE = "past_due"


@dataclass(frozen=True, slots=True)
class Recurring:
    """How subscriptions and their invoices behave.

    Attributes:
        expiry_seconds: how long a subscription may stay ``incomplete`` (docs.stripe.com/api/subscriptions/object).
        draft_seconds: how long the invoice of a renewal stays a draft (docs.stripe.com/billing/subscriptions/webhooks).
        retry_days: days from each failed attempt on a renewal to the next one; their number is that of the retries.
        after_retries: what becomes of the subscription when the last retry has failed.
        debit_activates: whether a first bank debit that is still with the bank makes its subscription ``active``;
            otherwise it stays ``incomplete``. Stripe's pages say both.
        cancel_voids: whether cancelling an incomplete subscription voids its open invoice (not documented); otherwise
            the invoice stays open and may be paid, and the subscription stays dead.
        voided_first: what voiding the first invoice makes of an incomplete subscription.
        void_processing: whether an invoice may be voided while its payment is with the bank (not documented).
        asks_payer: whether a card that asks for authentication leaves the invoice's payment waiting for the payer
            (402 ``invoice_payment_intent_requires_action``); otherwise an attempt off session is a decline.
        carry_intent: whether the 402 of a pay carries the payment's intent (not documented).
        nothing_invoiced: whether a subscription that opens with a free time up to its anchor gets an invoice over 0;
            otherwise it has none. A trial always gets one.
    """

    expiry_seconds: float = 82_800.0
    draft_seconds: float = 3_600.0
    retry_days: tuple[float, ...] = (3.0, 5.0, 7.0)
    after_retries: AfterRetries = AfterRetries.CANCELED
    debit_activates: bool = True
    cancel_voids: bool = False
    voided_first: VoidedFirst = VoidedFirst.EXPIRES
    void_processing: bool = False
    asks_payer: bool = True
    carry_intent: bool = True
    nothing_invoiced: bool = True
