"""What a comparison with Stripe has found of a line, in words: a step for each difference, and a sentence."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from billing.core import wording
from billing.core.reconciling.findings import Finding
from billing.core.reconciling.kinds import Kind
from billing.core.stories.story import Step
from billing.core.stories.words import WARN, Words, turn
from billing.core.tones import Tone

_FOUND = "The comparison with Stripe of {looked} found it."
_TOLD = "It was so when the account was compared, {looked}."

FINDINGS: Mapping[Kind, Words] = {
    Kind.REFUNDED_OUTSIDE: turn(
        ("Refunded outside of this program: {amount}", "Refunded outside of this program"),
        "Somebody with access to the account gave it back, in the Dashboard or with another program.", _FOUND,
        tone=WARN,
    ),
    Kind.DISPUTED: turn(
        ("Disputed by the customer: {amount}", "Disputed by the customer"), "The bank has taken the money back until "
        "this is decided.", "It is to be answered in Stripe by {due}.", _FOUND, tone=WARN,
    ),
    Kind.RETURNED: turn(
        ("Bank debit returned after it had arrived: {amount}", "Bank debit returned after it had arrived"),
        "The money has left the account again. Nothing of this program has noted that yet.", _FOUND, tone=Tone.FINAL,
    ),
    Kind.DUPLICATE: turn(
        ("Charged twice: {amount}", "Charged twice"), "Another payment of the same line was paid as well.", _FOUND,
        tone=Tone.FINAL,
    ),
    Kind.MISSING_HERE: turn(
        ("A charge that no line planned: {amount}", "A charge that no line planned"), _FOUND, tone=WARN
    ),
    Kind.MISSING_THERE: turn("Stripe has no such payment", _TOLD, tone=Tone.UNK),
    Kind.STATE: turn("Stripe says {stripe}, we said {ours}", _TOLD, tone=WARN),
    Kind.AMOUNT: turn("Another amount: Stripe has {stripe}, we asked for {ours}", "{detail}", _TOLD, tone=WARN),
    Kind.CURRENCY: turn("Another currency: Stripe has {stripe}, we asked for {ours}", _TOLD, tone=WARN),
    Kind.LATE: turn("The bank debit is late", "The bank should have answered by then.", _TOLD, tone=WARN),
    Kind.ORPHAN: turn(
        ("Open payment beside it: {amount}", "Open payment beside it"), "Another payment of this line is open, and no "
        "line holds it.", _TOLD, tone=WARN,
    ),
    Kind.PAYOUT_FAILED: turn("The payout failed", "The money waits on the account's balance.", _TOLD, tone=WARN),
}  # fmt: skip


def step_of(finding: Finding, zone: ZoneInfo, looked: int) -> Step:
    """Return the step of a difference; ``looked`` is when the account was read, in epoch seconds."""
    words, gaps = FINDINGS[finding.kind], _gaps(finding, zone, looked)
    at = looked if finding.at is None else finding.at
    return Step(
        iso(at), words.title(gaps), words.sentences(gaps), words.tone, turning=True,
        ids=(finding.object,) if finding.object else (),
    )  # fmt: skip


def iso(epoch: int) -> str:
    """Return epoch seconds as entries have their moments."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _gaps(finding: Finding, zone: ZoneInfo, looked: int) -> Mapping[str, str]:
    about = abs(finding.amount) - finding.fee
    found = {
        "ours": finding.ours.replace("_", " "),
        "stripe": finding.stripe.replace("_", " "),
        "looked": wording.moment(iso(looked), zone),
    }
    if finding.currency and about:
        found["amount"] = wording.priced(about, finding.currency)
    if finding.due is not None:
        found["due"] = wording.day(iso(finding.due), zone)
    if finding.detail:
        found["detail"] = f"It is about {finding.detail}."
    return found
