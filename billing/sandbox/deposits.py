"""Small deposits by which a payer shows that a bank account is theirs (docs.stripe.com/payments/ach-direct-debit)."""

from collections.abc import Callable

from billing.sandbox.banks import business_days_later
from billing.sandbox.config import DAY
from billing.sandbox.refusals import Obj, invalid, refusal
from billing.sandbox.world import Call

BUSINESS_DAYS = 2  # until they arrive
OPEN_DAYS = 10  # how long they can be named
RIGHT = {"amounts": [32, 45], "descriptor_code": "SM11AA"}  # on every test account
TRIES = {"amounts": 3, "descriptor_code": 10}
CODE = "payment_method_microdeposit_verification_"
Over = Callable[[Obj], None]  # ends the attempt with this error


def send(call: Call, intent: Obj, over: Over) -> Obj:
    """The ``next_action`` of an intent that waits for them; ``over`` is called if they are never named."""
    begun = call.account.confirms[intent["id"]]

    def give_up() -> None:
        if waits(intent) and call.account.confirms[intent["id"]] == begun:
            over(refusal("The microdeposits were not verified in time.", code=f"{CODE}timeout").error)

    call.world.agenda.add(call.world.now + OPEN_DAYS * DAY, give_up)
    action = {
        "arrival_date": int(business_days_later(call.world.now, BUSINESS_DAYS)),
        "hosted_verification_url": call.world.page("payments", f"microdeposit/{intent['id']}"),
        "microdeposit_type": "descriptor_code",
    }
    return {"type": "verify_with_microdeposits", "verify_with_microdeposits": action}


def waits(intent: Obj) -> bool:
    """Whether an intent waits for its small deposits to be named."""
    action = intent["next_action"] or {}
    return intent["status"] == "requires_action" and action.get("type") == "verify_with_microdeposits"


def check(call: Call, intent: Obj, over: Over) -> None:
    """What the payer names is right, by amounts or by code.

    Raises:
        Refusal: it is wrong; 400 with the intent inside, which waits on until too many tries are spent.
    """
    given = [name for name in RIGHT if name in call.params]
    if len(given) != 1:
        raise invalid("You must provide either `amounts` or `descriptor_code`.", "amounts", "parameter_missing")
    how, said = given[0], call.params[given[0]]
    if (sorted(said) if how == "amounts" else said) == RIGHT[how]:
        return
    misses = call.account.misses[intent["id"]] = call.account.misses.get(intent["id"], 0) + 1
    code, message = f"{CODE}{how}_mismatch", f"The {how.replace('_', ' ')} provided does not match what was sent."
    if misses >= TRIES[how]:
        code, message = f"{CODE}attempts_exceeded", "You have exceeded the number of allowed verification attempts."
        over(refusal(message, code=code).error)
    said_of: Obj = {intent["object"]: dict(intent)}
    raise refusal(message, code=code, param=how, **said_of)
