"""The facts of a cancellation: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.cancellation import Event

_TOLD = (Event.ITEM_SKIPPED, Event.FOUND_OVER, Event.VOID_REFUSED, Event.CANCEL_REFUSED, Note.SET_ASIDE)
_SEEN = (Event.FOUND_OVER, Event.SUBSCRIPTION_OVER, Event.END_SET, Event.CANCEL_REFUSED, Event.VOID_REFUSED)

CANCELLATION_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD, Note.SKIP_CONFIRMED),
    shared("reason_code", *_TOLD, Note.SKIP_CONFIRMED),
    shared("reason", *_TOLD, Note.SKIP_CONFIRMED),
    shared("what_to_do", Event.VOID_REFUSED, Event.CANCEL_REFUSED, Note.SET_ASIDE),
    shared("request_id", *_SEEN, Note.SET_ASIDE),
    shared("first_try", Event.CANCEL_STARTED),
    shared("last_try", Event.CANCEL_STARTED),
    shared("next_try", Event.ITEM_SKIPPED),
    shared("{op}_n", Event.CANCEL_STARTED),
    shared("{op}_born", Event.CANCEL_STARTED),
    Fact("loose", Form.YES, Use.WAY, (Event.CANCEL_STARTED, Note.SET_ASIDE),
         "a send of ours has no answer and may still arrive: never failed any more. It stays for good"),
    Fact("invoices_voided", Form.TEXTS, Use.REPORT, (Event.CANCEL_STARTED,), "the invoices that were to be made void"),
    Fact("fee_cleared", Form.YES, Use.REPORT, (Event.CANCEL_STARTED,), "the platform's percentage was to be cleared"),
    Fact("subscription_status", Form.TEXT, Use.REPORT, _SEEN, "Stripe's word for it when it was read last"),
    Fact("cancelled_at", Form.MOMENT, Use.REPORT, _SEEN, "when somebody asked for its end"),
    Fact("ends_at", Form.MOMENT, Use.REPORT, _SEEN, "when it ends, or has ended"),
)  # fmt: skip
