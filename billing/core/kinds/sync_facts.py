"""The facts of a sync: who writes each, and what turns on it."""

from billing.core.entries import Note
from billing.core.facts import Fact, Form, Use, shared
from billing.core.kinds.sync import Event

_REFUSED = (Event.CLONE_REFUSED, Event.ATTACH_REFUSED, Event.LEFT_AS_IT_IS)
_TOLD = (Event.ITEM_SKIPPED, *_REFUSED, Note.SET_ASIDE, Note.SKIP_CONFIRMED)
_BEGINS = (Event.CLONE_STARTED, Event.UPDATE_STARTED)
_KEYED = (*_BEGINS, Event.REPOINT_STARTED, Note.KEY_RENEWED)

SYNC_FACTS: tuple[Fact, ...] = (
    shared("group", *_TOLD),
    shared("reason_code", *_TOLD),
    shared("reason", *_TOLD),
    shared("what_to_do", *_REFUSED, Note.SET_ASIDE),
    shared("request_id", *_REFUSED, Note.SET_ASIDE),
    shared("first_try", *_BEGINS),
    shared("last_try", *_BEGINS),
    shared("next_try", Event.ITEM_SKIPPED),
    shared("op", Note.KEY_RENEWED),
    shared("{op}_n", *_KEYED),
    shared("{op}_born", *_KEYED),
    Fact("payment_method", Form.TEXT, Use.WAY, (Event.CLONE_STARTED,), "the platform method that this attempt copies"),
    Fact("change", Form.TEXT, Use.WAY, (Event.CLONE_STARTED,), "what the copy is made of: the newest when it was read"),
    Fact("copies", Form.TEXTS, Use.WAY, (Event.CLONE_STARTED,), "those of earlier attempts: older, even in one second"),
    Fact("fields", Form.YES, Use.WAY, (Event.REPOINT_STARTED,),
         "name, e-mail or address differ as well: they are read and sent with it"),
    Fact("begun", Form.YES, Use.WAY, (Event.REPOINT_STARTED,),
         "a copy of this line may be a default: never failed any more. It stays for good"),
    Fact("moved", Form.WHOLE, Use.REPORT, (Event.MOVED,), "subscriptions that were moved to the copy"),
    Fact("detached", Form.WHOLE, Use.REPORT, (Event.DETACHED,), "older copies that were let go"),
)  # fmt: skip
