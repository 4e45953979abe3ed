"""The facts of a refund: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.refund import Event

_SEEN = (Event.REFUND_SUCCEEDED, Event.REFUND_PENDING, Event.RETURN_PERIOD_OVER)
_ENDED = (Event.GIVEN_UP, Event.NOTHING_LEFT, Event.LEFT_IN_DOUBT)
_TOLD = (Event.ITEM_SKIPPED, *_ENDED, Note.SET_ASIDE, Note.SKIP_CONFIRMED)
_SHOWN = (*_SEEN, Event.REFUND_RETURNED)

REFUND_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD),
    shared("reason_code", *_TOLD),
    shared("reason", *_TOLD),
    shared("what_to_do", *_ENDED, Note.SET_ASIDE),
    shared("request_id", *_SEEN, *_ENDED, Note.SET_ASIDE),
    shared("first_try", Event.REFUND_STARTED),
    shared("last_try", Event.REFUND_STARTED),
    shared("next_try", Event.ITEM_SKIPPED),
    shared("{op}_n", Event.REFUND_STARTED),
    shared("{op}_born", Event.REFUND_STARTED),
    Fact("adopted", Form.YES, Use.RECORD, (Event.REFUND_STARTED,), "another ledger has sent it"),
    Fact("lost", Form.TEXT, Use.RECORD, (Event.REFUND_LOST,), "why the answer counts for nothing"),
    Fact("key_spent", Form.YES, Use.WAY, (Event.REFUND_LOST,), "the next refund has the next key"),
    Fact("loose", Form.YES, Use.WAY, (Event.REFUND_LOST,),
         "a send of ours has no answer and may still arrive: never failed or moot any more. It stays for good"),
    Fact("charge", Form.TEXT, Use.REPORT, (Event.REFUND_STARTED,), "which charge is given back"),
    Fact("application_fee", Form.WHOLE, Use.WAY, (Event.REFUND_STARTED,), "minor units that go back with it"),
    Fact("refund", Form.TEXT, Use.REPORT, _SHOWN, "the refund of ours that was seen last"),
    Fact("refund_status", Form.TEXT, Use.REPORT, _SHOWN, "Stripe's word for it"),
    Fact("refunded_at", Form.WHOLE, Use.WAY, _SHOWN, "epoch seconds of its creation: since when it is listed"),
    Fact("amount_refunded", Form.WHOLE, Use.REPORT, _SEEN, "minor units given back"),
    Fact("application_fee_refunded", Form.WHOLE, Use.REPORT, _SEEN, "minor units of the platform's share"),
    shared("stripe_fee", Note.RECONCILED),
    shared("net", Note.RECONCILED),
    shared("payout", Note.RECONCILED),
    shared("settlement_currency", Note.RECONCILED),
)  # fmt: skip
