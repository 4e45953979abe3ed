"""Notes in words: entries that record something without moving a line, of whatever kind, and those about a run."""

from collections.abc import Mapping

from billing.core.entries import Note
from billing.core.stories.words import WARN, Words, detail, turn, when
from billing.core.tones import Tone

NOTES: Mapping[Note, Words] = {
    Note.RUN_PLANNED: detail("Sheet planned", "The sheet of the run was checked and kept."),
    Note.ACKNOWLEDGED: turn(
        "Accepted by a person", "The run differs from the ones before it: {says}.", "The reason given: {sentence}"
    ),
    Note.RUN_STARTED: detail("Run started", "Work on the run began."),
    Note.RUN_FINISHED: detail("Run finished", "The command came to its end."),
    Note.RUN_STOPPED: detail(("Run stopped: {why}", "Run stopped"), "What was in flight came home first."),
    Note.REBUILD_STARTED: turn("Rebuild begun", "The ledger was lost; what Stripe shows is read back.", tone=WARN),
    Note.REBUILD_FINISHED: turn("Rebuild finished", "What Stripe shows of the run is on record again."),
    Note.ITEM_PLANNED: turn(
        ("{anew}", "Planned"), when("first_life", "The line was checked and taken into the plan."),
        when("later_life", "It was begun anew in run {run}, after what went before had ended."),
    ),
    Note.PART_PREPARED: detail("Half prepared", "Of payment and copy one is on record; the other is still to come."),
    Note.SET_ASIDE: turn(("Waits: {why}", "Waits until {next_day}", "Waits"), tone=WARN),
    Note.KEY_RENEWED: detail(
        "A request is sent anew", "Stripe keeps an answer under the old key that helps nobody; the next request has a "
        "key of its own."
    ),
    Note.SKIP_CONFIRMED: turn(
        ("Stays as it is: {why}", "Stays as it is"), "A person wants it left so, whatever becomes of its reason.",
        tone=Tone.SKIP,
    ),
    Note.METHOD_REPLACED: turn(
        "Another payment method", "The next try uses another payment method of the same customer.",
        when("method", "It is {method}."), "It is due on {next_day}.", tone=Tone.AGAIN,
    ),
    Note.METHOD_MOVED: turn(
        "Another copy pays", "A sync has given the subscription a fresh copy of what the customer has now."
    ),
    Note.RENEWAL_SEEN: turn(
        ("Renewal: {why}", "Renewal seen: {status}", "Renewal seen"), "Renewals are Stripe's; this is what a list of "
        "the account shows.", "Its period ends on {period_day}.", tone=WARN,
    ),
    Note.RECONCILED: detail(
        "Found in Stripe's books", "On the account's balance: {net} after Stripe's fee of {stripe_fee}.",
        when("payout", "A payout carries it: {payout}."),
    ),
    Note.LEDGER_UPGRADED: detail("Ledger upgraded", "The ledger became one of a later release."),
    Note.KIND_ADDED: detail("Ledger extended", "The ledger knows another kind of line."),
    Note.LEDGER_MOVED: detail("Ledger moved", "The ledger was copied to another place, and is written there."),
    Note.LEDGER_ARRIVED: detail("Ledger arrived", "The ledger goes on at the place that it was copied to."),
}  # fmt: skip

RETOLD = "This was told again from what Stripe shows, after the ledger had been lost."
ADOPTED = "It had been begun by another ledger, and was taken over."
# Of every entry that is marked so.

LOST: Mapping[str, tuple[str, str]] = {
    "lost": ("No answer from Stripe", "The request was sent, and no answer came{waited}."),
    "busy": ("Stripe was still busy with it", "An earlier request with the same key was still being worked on."),
    "refused": (
        "No certain answer from Stripe", "The request was refused, and a look could not bear out what became of it."
    ),
    "halt": ("No answer that can be believed", "The answer contradicts the line, so it counts for nothing."),
    "runner": (
        "Interrupted before an answer was on record",
        "The program ended there. Whether the request had left, and what came of it, only Stripe knows.",
    ),
    "key_used": (
        "Stripe had this request already", "Its key was used with other content, as another ledger would have done.",
    ),
    "undecided": ("No certain answer from Stripe", "The answer does not say what became of it."),
    "unconfirmed": ("No certain answer from Stripe", "The answer does not show that anything was done."),
}  # fmt: skip
# Why an answer counts for nothing, by the fact ``lost``: a title and a sentence.
UNTOLD = ("No certain answer from Stripe", "What became of the request is not known here.")
# Of a reason that is in no row.
