"""The facts of a payer: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.payer import Event

_ENDED = (Event.CREATE_REFUSED, Event.GIVEN_UP, Event.INVITATION_OVER)
_ASIDE = (Event.CANCEL_STARTED, Event.INVITATION_EXPIRED, Event.METHOD_GONE, Event.INVITE_REFUSED, Note.SET_ASIDE)
_TOLD = (Event.ITEM_SKIPPED, *_ENDED, *_ASIDE, Event.PAID_AND_GONE)
_SEEN = (Event.METHOD_SAVED, Event.PAID_AND_GONE)
_OPENED = (Event.INVITATION_OPENED,)
_KEYED = (
    Event.CREATE_STARTED, Event.INVITE_STARTED, Event.DEFAULT_STARTED, Event.CANCEL_STARTED, Note.KEY_RENEWED,
)  # fmt: skip

PAYER_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD, Note.SKIP_CONFIRMED),
    shared("reason_code", *_TOLD, Note.SKIP_CONFIRMED),
    shared("reason", *_TOLD, Note.SKIP_CONFIRMED),
    shared("what_to_do", *_ENDED, *_ASIDE, Event.PAID_AND_GONE),
    shared("request_id", *_SEEN, *_ENDED, *_ASIDE, Event.DEFAULT_SET),
    shared("first_try", Event.INVITE_STARTED),
    shared("last_try", Event.INVITE_STARTED),
    shared("next_try", Event.ITEM_SKIPPED),
    shared("op", Note.KEY_RENEWED),
    shared("{op}_n", *_KEYED),
    shared("{op}_born", *_KEYED),
    Fact("link_end", Form.WHOLE, Use.WAY, (Event.CUSTOMER_KNOWN,),
         "epoch second after which the payer's link is over: what is open then is ended"),
    Fact("link_base", Form.TEXT, Use.WAY, (Event.CUSTOMER_KNOWN, Note.SET_ASIDE),
         "what the payer's link begins with: whether the page is ours"),
    Fact("hosted", Form.YES, Use.WAY, (Event.INVITE_STARTED,),
         "a page of Stripe's asks: what ends it, and how it is read"),
    Fact("hosted_link", Form.TEXT, Use.WAY, _OPENED, "where that page is; it is dead after a day"),
    Fact("hosted_until", Form.WHOLE, Use.WAY, _OPENED, "epoch second after which it is"),
    Fact("setup_intent", Form.TEXT, Use.REPORT, (*_OPENED, Event.METHOD_SAVED), "which saves, or has saved"),
    Fact("payment_intent", Form.TEXT, Use.REPORT, (*_OPENED, *_SEEN), "of the first payment"),
    Fact("first_payment_status", Form.TEXT, Use.REPORT, _SEEN, "Stripe's word for it"),
    Fact("paid", Form.YES, Use.WAY, _SEEN, "a first payment was taken: never asked for again. It stays for good"),
    Fact("payment_method", Form.TEXT, Use.WAY, (Event.METHOD_SAVED, Event.DEFAULT_STARTED),
         "what was saved last: which method becomes the default"),
    Fact("default_set", Form.YES, Use.REPORT, (Event.DEFAULT_SET,), "whether it is the default"),
    Fact("declined", Form.TEXT, Use.RECORD, (Event.INVITATION_EXPIRED,), "why the payer's last try was refused"),
)  # fmt: skip
