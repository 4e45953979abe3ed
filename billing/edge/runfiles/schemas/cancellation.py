"""Run files of cancellations: one subscription to end a line. ``billing reverse`` writes them."""

from billing.core.items import Cancellation, Kind, When
from billing.edge.runfiles.fields import ACCOUNT, CUSTOMER, REFERENCE_LENGTH, Ids, read_reference
from billing.edge.runfiles.schema import Column, Schema, id_column, no_money
from billing.edge.runfiles.schemas.refund import RUN_LENGTH, read_run
from billing.edge.texts.problems import FieldError, suggestion
from billing.edge.texts.safe_text import BLANKS, quoted

SUBSCRIPTION = Ids("a subscription", ("sub",))
_WHENS = tuple(str(when) for when in When)
_YES_NO = {"yes": True, "no": False, "true": True, "false": False, "": False}
FEEDBACKS = (
    "customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
    "too_expensive", "unused",
)  # fmt: skip
# Stripe's own words for why a payer leaves. (docs.stripe.com/api/subscriptions/cancel, cancellation_details.feedback)


def _when(text: str) -> str:
    """When it ends: never guessed, because one of the two takes away what was paid for."""
    word = text.strip(BLANKS).lower()
    if not word:
        raise FieldError("when", "missing", "when is empty", "now ends it at once, period_end with what is paid for")
    if word not in _WHENS:
        raise FieldError("when", "when_word", f"when {quoted(word)} is unknown", suggestion(word, _WHENS))
    return word


def _yes_or_no(text: str) -> bool:
    word = text.strip(BLANKS).lower()
    if word not in _YES_NO:
        raise FieldError("clear_fee", "yes_or_no", f"clear_fee {quoted(word)} is neither yes nor no", "yes, no")
    return _YES_NO[word]


def _feedback(text: str) -> str:
    word = text.strip(BLANKS).lower()
    if word and word not in FEEDBACKS:
        message = f"feedback {quoted(word)} is none of Stripe's"
        raise FieldError("feedback", "feedback_word", message, suggestion(word, FEEDBACKS))
    return word


def _cancellation(
    reference: str,
    of_run: str,
    account: str,
    customer: str,
    subscription: str,
    when: str,
    clear_fee: bool | None,
    feedback: str | None,
) -> Cancellation:
    return Cancellation(
        reference, account, customer, subscription, When(when), of_run, clear_fee or False, feedback or ""
    )


CANCELLATIONS = Schema(
    kind=Kind.CANCELLATION,
    word="cancellations",
    columns=(
        Column("reference", read_reference, required=True, longest=REFERENCE_LENGTH),
        Column("of_run", read_run, required=True, longest=RUN_LENGTH, few=True),
        id_column("account", ACCOUNT, required=True, few=True),
        id_column("customer", CUSTOMER, required=True),
        id_column("subscription", SUBSCRIPTION, required=True),
        Column("when", _when, required=True, few=True),
        Column("clear_fee", _yes_or_no, few=True),
        Column("feedback", _feedback, few=True),
    ),
    amounts=(),
    money=no_money,
    build=_cancellation,
    tells=frozenset({"when", "clear_fee"}),
)
