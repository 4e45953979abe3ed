"""The shipped rules that the walks of two ledgers drive: whose an intent is, and what an answer means."""

from functools import cache

from billing.core.classify import classify
from billing.core.entries import ItemRecord
from billing.core.items import Kind
from billing.core.kinds.charge import State
from billing.core.listed import Listed, judge
from billing.core.outcomes import Expected, LookWhy, Lost, Made, Undecided
from billing.core.replies import Reply
from tests.asked import CONFIRM, OPEN
from tests.model.ledgers_stripe import CANCELLED, DECLINED, PAID, PLANTED, PLANTED_PAID

KNOWN = ItemRecord(
    id=1, item_id="item", run_id="run", kind=Kind.CHARGE, reference="r", generation=0, account="acct_1", payer="cus_1",
    amount=100, currency="usd", digest="d" * 64, content={"application_fee": 10}, state=State.PLANNED,
)  # fmt: skip
STATUSES = {PAID: "succeeded", PLANTED_PAID: "succeeded", CANCELLED: "canceled"}


@cache
def choice(shown: str, own: int, compares: bool) -> int:
    """Return the intent that the shipped rule takes for the item's, of those a list shows; 0 for none."""
    same = [
        Listed(
            id=str(number), status=STATUSES.get(letter, "requires_payment_method"), created=number,
            confirmed=letter in (PAID, DECLINED, PLANTED_PAID), declined=letter == DECLINED,
            currency="usd", fee=10, digest="d" * 16, application="",
            amount=1000 if compares and letter in (PLANTED, PLANTED_PAID) else 100,
        )
        for number, letter in enumerate(shown, 1)
        if number != own
    ]  # fmt: skip
    adopted = judge(KNOWN, same, (), None).adopt
    return int(adopted.id) if adopted else 0


@cache
def meaning(answer: str) -> str:
    """Return what the shipped reading makes of an answer to an open: ``made``, ``again``, or ``stored``."""
    intent = {
        "object": "payment_intent", "id": "pi_1", "amount": 100, "amount_received": 0, "currency": "usd",
        "livemode": False, "metadata": {"billing_item": "item"}, "status": "requires_payment_method",
        "application_fee_amount": 10,
    }  # fmt: skip
    reply = {
        "intent": Reply(200, intent),
        "error": Reply(500, {"error": {"type": "api_error"}}, request_id="req_1"),
        "replayed error": Reply(500, {"error": {"type": "api_error"}}, request_id="req_1", replayed=True),
        "proxy": Reply(502, None),
    }[answer]
    match classify(OPEN, reply, Expected("item", 100, "usd", False, None, None, 1, 10)):
        case Made():
            return "made"
        case Lost(renew=True):
            return "stored"
        case Lost():
            return "again"
        case other:
            raise AssertionError(other)


@cache
def used_key_is_read() -> bool:
    """Tell whether the shipped reading of a confirm under a key that was used for something else is to look."""
    error = {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same"}
    reply = Reply(400, {"error": error}, request_id="req_1")
    outcome = classify(CONFIRM, reply, Expected("item", 100, "usd", False, "pi_1", "pm_1", 1, 10))
    return isinstance(outcome, Undecided) and outcome.why is LookWhy.KEY_USED
