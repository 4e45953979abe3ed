"""The facts of a charge: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.charge import Event

_REFUSED = (Event.OPEN_REFUSED, Event.CLONE_REFUSED, Event.CHARGE_REFUSED)
_DECLINED = (Event.CHARGE_DECLINED, Event.INTENT_CANCELLED)  # cancelled, and the intent still shows the decline
_PAID = (Event.CHARGE_SUCCEEDED,)
_CLOSED = (Event.ITEM_SKIPPED, Event.CANCEL_STARTED, Note.SKIP_CONFIRMED)
_LEFT = (Event.RESOLVE_EXHAUSTED, Note.SET_ASIDE)
_BACK = (Event.PAYMENT_RETURNED,)
_TOLD = (*_REFUSED, *_DECLINED, *_CLOSED, *_LEFT, *_BACK)
_SEEN = (*_PAID, Event.CHARGE_UNSETTLED)
_BEGUN = (Event.PREPARE_STARTED, Event.CONFIRM_STARTED, Event.CANCEL_STARTED, Note.KEY_RENEWED)
_SHOWN = (Note.PART_PREPARED, Event.PREPARED, Note.METHOD_REPLACED)
_RETOLD = (Event.PREPARE_STARTED, Note.PART_PREPARED, Event.PREPARED, Event.CONFIRM_STARTED, *_SEEN, *_DECLINED)

CHARGE_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD),
    shared("reason_code", *_TOLD),
    shared("reason", *_TOLD),
    shared("what_to_do", Event.OPEN_REFUSED, *_DECLINED, *_LEFT, *_BACK),
    shared("request_id", *_REFUSED, *_SEEN, *_DECLINED, *_LEFT),
    shared("first_try", Event.CONFIRM_STARTED, *_SEEN),
    shared("last_try", Event.CONFIRM_STARTED),
    shared("next_try", Event.CHARGE_DECLINED, Note.SET_ASIDE, Note.METHOD_REPLACED, *_BACK),
    shared("op", Note.KEY_RENEWED),
    shared("{op}_n", *_BEGUN),
    shared("{op}_born", *_BEGUN),
    shared("rebuilt", *_RETOLD, Event.ITEM_SKIPPED, *_BACK),
    Fact("adopted", Form.YES, Use.RECORD, _RETOLD, "the intent was opened by another ledger"),
    Fact("lost", Form.TEXT, Use.RECORD, (Event.CHARGE_LOST,), "why the answer counts for nothing"),
    Fact("key_spent", Form.YES, Use.WAY, (Event.CHARGE_LOST, Event.CHARGE_UNSENT), "the next confirm has the next key"),
    Fact("declines", Form.WHOLE, Use.WAY, (*_DECLINED, *_BACK),
         "which gap of the schedule follows; the guard against declines"),
    Fact("fence", Form.YES, Use.WAY, (Event.CHARGE_REFUSED, Event.CLONE_REFUSED, Event.CHARGE_DECLINED),
         "the item does not rest: its intent is cancelled"),
    Fact("dead_clone", Form.YES, Use.WAY, (Event.CHARGE_REFUSED,), "Stripe will not take this clone: a new one first"),
    Fact("recloned", Form.YES, Use.WAY, (Event.PREPARE_STARTED,), "no other new clone after that one"),
    Fact("method", Form.TEXT, Use.WAY, (Note.METHOD_REPLACED,), "the payment method instead of the planned one"),
    Fact("fingerprint", Form.TEXT, Use.WAY, _SHOWN, "with which attempts of other items this one counts"),
    Fact("brand", Form.TEXT, Use.WAY, _SHOWN, "which network's limits count for it"),
    Fact("charge", Form.TEXT, Use.WAY, (*_SEEN, *_DECLINED), "whether a later read shows this very charge refused"),
    Fact("blocks_card", Form.YES, Use.WAY, (*_DECLINED, *_BACK), "no item tries this payment method for a month"),
    Fact("remedy", Form.TEXT, Use.WAY, (*_DECLINED, *_BACK), "which class of declines it is"),
    Fact("dispute", Form.TEXT, Use.RECORD, _BACK, "by which Stripe shows that the debit came back"),
    Fact("returned_at", Form.MOMENT, Use.RECORD, _BACK, "when it came back"),
    Fact("return_fee", Form.WHOLE, Use.RECORD, _BACK, "minor units that Stripe took for that, where it shows them"),
    Fact("advice_code", Form.TEXT, Use.RECORD, _DECLINED, "what the network advises"),
    Fact("network_decline_code", Form.TEXT, Use.RECORD, _DECLINED, "the network's own code"),
    Fact("canceled", Form.YES, Use.RECORD, (Event.INTENT_CANCELLED,), "the intent was seen cancelled"),
    Fact("amount_charged", Form.WHOLE, Use.REPORT, _PAID, "minor units received"),
    Fact("application_fee_charged", Form.WHOLE, Use.REPORT, _PAID, "minor units of the platform's share"),
    shared("stripe_fee", Note.RECONCILED),
    shared("net", Note.RECONCILED),
    shared("payout", Note.RECONCILED),
    shared("settlement_currency", Note.RECONCILED),
)  # fmt: skip
