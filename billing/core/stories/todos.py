"""What may be done next about a line: a sentence, and commands that work when they are pasted.

By the row of the outturn that it stands in; what a report says of its own reason is always told.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from billing.core import wording
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES, is_final, life_of
from billing.core.reconciling.findings import Finding
from billing.core.stories.case import Case
from billing.core.stories.story import Command, Todo

ANEW = "To charge this customer again for {period}, give the line a new reference and run the sheet with --amend."


class Next(NamedTuple):
    """What is so of a row: a title, a sentence where the line has none of its own, and the commands that help."""

    title: str
    says: str
    verbs: tuple[str, ...] = ()


NEXT: Mapping[str, Next] = {
    "paid": Next("Nothing", ""),
    "on_its_way": Next("Nothing but time", "{awaits}.", ("settle",)),
    "customer_must_act": Next("The customer must act", "", ("resolve", "ask")),
    "declined_for_now": Next("Another try", "", ("retry",)),
    "declined_for_good": Next("Another way to pay", "Ask for another card or bank account.", ("retry",)),
    "no_answer_yet": Next("Look what became of it", "Stripe is asked; nothing is charged by that.", ("resolve",)),
    "look_in_stripe": Next("A person opens it in Stripe", "Then it is looked at again.", ("resolve",)),
    "not_paid": Next("Mend the reason", ""),
    "account_refuses": Next("The account is put right in Stripe", "", ("status",)),
    "not_yet": Next("The same command goes on", "What was begun is finished, and nothing is done twice.", ("status",)),
    "nothing_owed": Next("Nothing", ""),
    "left_out": Next("Mend the cause", "Then run the sheet again."),
}


def todo_of(case: Case) -> Todo:
    """Return what may be done next."""
    pressing = next((each for each in case.findings if each.kind.value != "refunded_outside"), None)
    if pressing is not None:
        return _found(case, pressing)
    row = NEXT[case.row]
    return Todo(row.title, " ".join(_says(case, row)), tuple(_commands(case, row.verbs)))


def _found(case: Case, found: Finding) -> Todo:
    """What a comparison with Stripe has found comes before anything else."""
    return Todo("See to what Stripe shows", found.what_to_do, (_command(case, "reconcile"),))


def _says(case: Case, row: Next) -> Iterator[str]:
    told = case.told.get("what_to_do", "").rstrip(". ")
    if row.title == "Nothing":
        if case.item.kind is Kind.CHARGE and case.row == "paid":
            yield ANEW.format(period=case.record.period)
        elif told and told != "nothing":
            yield f"{told[0].upper()}{told[1:]}."
        return
    if case.row not in ("on_its_way", "not_yet") and told:
        yield f"{told[0].upper()}{told[1:]}."
    elif row.says:
        text = row.says.format(awaits=LIVES[case.item.kind].awaits)
        yield text[0].upper() + text[1:]
    due = str(case.item.facts.get("next_try") or "")
    if case.row == "declined_for_now" and wording.parsed(due, case.zone):
        yield f"Its time comes on {wording.moment(due, case.zone)}."


def _commands(case: Case, verbs: tuple[str, ...]) -> Iterator[Command]:
    """Yield those among the commands that would find something to do with this line."""
    charge, over = case.item.kind is Kind.CHARGE, is_final(case.item.state)
    back = case.item.state in life_of(case.item.state).taken_back
    for verb in verbs:
        if verb in ("retry", "ask"):
            if charge and (not over or back or verb == "ask"):
                yield _retry(case, closed=over and not back)
        elif verb == "status" or not over:
            yield _command(case, verb)


def _retry(case: Case, *, closed: bool) -> Command:
    options: dict[str, str | bool] = {"only": case.item.reference, "dry_run": True}
    return _command(case, "retry", **options, **({"closed": True} if closed else {}))


def _command(case: Case, verb: str, **options: str | bool) -> Command:
    live = {"live": True} if case.record.mode is Mode.LIVE and verb != "status" else {}
    return Command(verb, (case.item.run_id,), {**options, **live})
