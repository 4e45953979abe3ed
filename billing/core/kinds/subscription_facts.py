"""The facts of a subscription: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.subscription import Event

_REFUSED = (Event.LINK_REFUSED, Event.OPEN_REFUSED, Event.PAY_REFUSED)
_OVER = (Event.SUBSCRIPTION_OVER, Event.OVER_AFTER_PAYMENT, Event.FOUND_ELSEWHERE)
_CLOSED = (Event.ITEM_SKIPPED, Event.CANCEL_STARTED, Note.SKIP_CONFIRMED)
_LEFT = (Event.RESOLVE_EXHAUSTED, Note.SET_ASIDE)
_TOLD = (*_REFUSED, Event.PAY_DECLINED, *_CLOSED, *_LEFT, *_OVER)
_GOOD = (Event.INVOICE_PAID, Event.PAYMENT_PROCESSING, Event.FUSE_CLEARED)
_LINKED = (Event.LINK_STARTED, Event.CLONE_STARTED, Event.ATTACH_STARTED, Event.DEFAULT_STARTED, Event.OPEN_STARTED)
_BEGUN = (*_LINKED, Event.PAY_STARTED, Event.START_STARTED, Event.CANCEL_STARTED, Note.KEY_RENEWED)
_SEEN = (Event.OPENED, *_GOOD, Event.PAY_DECLINED, *_OVER)
_SHOWN = (*_SEEN, Note.RENEWAL_SEEN)

SUBSCRIPTION_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD),
    shared("reason_code", *_TOLD, Note.RENEWAL_SEEN),
    shared("reason", *_TOLD, Note.RENEWAL_SEEN),
    shared("what_to_do", Note.RENEWAL_SEEN, *_REFUSED, Event.PAY_DECLINED, *_LEFT, *_OVER),
    shared("request_id", *_REFUSED, *_SEEN, *_LEFT),
    shared("first_try", Event.PAY_STARTED, Event.START_STARTED),
    shared("last_try", Event.PAY_STARTED, Event.START_STARTED),
    shared("next_try", Event.PAY_DECLINED),
    shared("op", Note.KEY_RENEWED),
    shared("{op}_n", *_BEGUN),
    shared("{op}_born", *_BEGUN),
    Fact("connected_customer", Form.TEXT, Use.WAY, (*_LINKED, Event.OPENED), "whose copies, and whose subscription"),
    Fact("clone", Form.TEXT, Use.WAY, (*_LINKED, Note.METHOD_MOVED), "the attached copy that pays"),
    Fact("product_id", Form.TEXT, Use.WAY, (Event.OPEN_STARTED,), "what is sold, on the account"),
    Fact("own_default", Form.YES, Use.WAY, (Event.OPEN_STARTED,),
         "the line names another method than the customer's default: the subscription does, and no sync moves it"),
    Fact("fuse", Form.WHOLE, Use.WAY, (Event.OPEN_STARTED,), "epoch second: it ends there"),
    Fact("recloned", Form.YES, Use.WAY, (Event.CLONE_STARTED,), "no other new copy after that one"),
    Fact("adopted", Form.YES, Use.RECORD, (Event.OPENED,), "found in a list: another ledger's, or an earlier send's"),
    Fact("first_invoice", Form.TEXT, Use.WAY, (Event.OPENED,), "the one that is paid"),
    Fact("payment_intent", Form.TEXT, Use.WAY, _SEEN, "whose decline a 402 tells"),
    Fact("subscription_status", Form.TEXT, Use.REPORT, _SHOWN, "Stripe's word for it when it was seen last"),
    Fact("current_period_end", Form.WHOLE, Use.REPORT, _SHOWN, "epoch second"),
    Fact("lost", Form.TEXT, Use.RECORD, (Event.PAY_LOST,), "why the answer counts for nothing"),
    Fact("key_spent", Form.YES, Use.WAY, (Event.PAY_LOST, Event.PAY_UNSENT), "the next pay has the next key"),
    Fact("declines", Form.WHOLE, Use.WAY, (Event.PAY_DECLINED,), "which gap of the schedule follows"),
    Fact("fence", Form.YES, Use.WAY, (Event.PAY_DECLINED, Event.PAY_REFUSED), "the item does not rest: it is ended"),
    Fact("remedy", Form.TEXT, Use.WAY, (Event.PAY_DECLINED,), "which class of declines it is"),
    Fact("advice_code", Form.TEXT, Use.RECORD, (Event.PAY_DECLINED,), "what the network advises"),
    Fact("network_decline_code", Form.TEXT, Use.RECORD, (Event.PAY_DECLINED,), "the network's own code"),
    shared("stripe_fee", Note.RECONCILED),
    shared("net", Note.RECONCILED),
    shared("payout", Note.RECONCILED),
    shared("settlement_currency", Note.RECONCILED),
)  # fmt: skip
