"""The answer: a few sentences that say where a line stands, the first of them in words that nobody can misread.

The first sentence begins with the word of the good end (``Paid``, ``Refunded``, ``Saved``) only where the ledger says
that it came to that. ``once`` is said only after Stripe's own rows were compared.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from billing.core import wording
from billing.core.groups import group_of
from billing.core.items import Kind
from billing.core.kinds import LIVES, is_final
from billing.core.kinds.charge import State as Charge
from billing.core.kinds.payer import State as Payer
from billing.core.kinds.subscription import State as Subscription
from billing.core.life import Group
from billing.core.reconciling.kinds import Kind as Difference
from billing.core.stories.case import Case
from billing.core.stories.found import iso
from billing.core.stories.gaps import ordinal, reason_of
from billing.core.stories.words import filled

FIRST: Mapping[str, tuple[str, ...]] = {
    "paid": ("{Done}{once} on {day}.", "{Done}."),
    "on_its_way": ("On its way since {since}.", "On its way."),
    "customer_must_act": ("Not {done}: the customer must act.",),
    "declined_for_now": ("Not {done} yet. The next try is due on {next}.", "Not {done}: declined for now."),
    "declined_for_good": ("Not {done}: declined for good.",),
    "no_answer_yet": ("No answer yet: whether it was {done} is not known here.",),
    "look_in_stripe": ("Look in Stripe: a person has to see what became of it.",),
    "not_paid": ("Not {done}, and closed.",),
    "account_refuses": ("Not {done} yet: the account refuses.",),
    "not_yet": ("Not {done} yet.",),
    "nothing_owed": ("Left out: {why}.", "Left out: nothing is owed."),
    "left_out": ("Left out: {why}.", "Left out."),
}
# By the row of the outturn; the first that can be filled counts.

STATES: Mapping[StrEnum, tuple[str, ...]] = {
    Charge.RETURNED: ("Taken back by the bank{returned}, after it had arrived.",),
    Charge.CANCELLING: ("Not paid as far as is known: it is being closed.",),
    Charge.UNSETTLED: ("On its way since {since}: the bank answers within days.",),
    Subscription.ENDED: ("Over, after it was paid or had started. A person decides what follows.",),
    Subscription.ELSEWHERE: ("Left out: another ledger has subscribed it.",),
    Payer.READY: ("Not answered yet: the customer can be asked.",),
    Payer.INVITED: ("Asked, and not answered yet.",),
}
# Of states that say more than their row.

THEN: Mapping[str, tuple[str, ...]] = {
    "on_its_way": ("No money has arrived yet.",),
    "no_answer_yet": ("It is looked up, and not just sent again, so that nobody pays twice.",),
    "not_paid": ("Nothing was taken, and nothing can be on this payment any more.",),
    "left_out": ("This run sent nothing for it.",),
}
# What is said of a charge behind the first sentence.
END: Mapping[Kind, str] = {
    Kind.CHARGE: "Nothing is due now and nothing more will be tried.",
    Kind.PAYER: "The saved payment method can be charged by a run.",
    Kind.SUBSCRIPTION: "Stripe renews it by itself.",
}
# What is said of what came to its good end, and that nothing has undone since.


def answer_of(case: Case) -> tuple[str, ...]:
    """Return the sentences, each a paragraph."""
    first = " ".join([_first(case), *_since(case)])
    return (first, *_tries(case), *_then(case), *_found(case))


def _first(case: Case) -> str:
    gaps, state = _gaps(case), case.item.state
    contradicted = case.row == "look_in_stripe" and not is_final(state)
    texts = (*(() if contradicted else STATES.get(state, ())), *FIRST[case.row])
    return next(found for text in texts if (found := filled(text, gaps)) is not None)


def _gaps(case: Case) -> Mapping[str, str]:
    done, facts = LIVES[case.item.kind].word(Group.SUCCEEDED), case.item.facts
    why = reason_of(facts) or case.told.get("reason")
    days = {"day": case.done_at, "since": case.since, "next": str(facts.get("next_try") or "")}
    returned = str(facts.get("returned_at") or "")
    return {
        "done": done,
        "Done": done.capitalize(),
        "once": " once," if _counted(case) else "",
        "returned": f" on {wording.day(returned, case.zone)}" if returned else "",
        **{name: wording.day(at, case.zone) for name, at in days.items() if wording.parsed(at, case.zone)},
        **({"why": why.rstrip(". ")} if why else {}),
    }


def _counted(case: Case) -> bool:
    """Tell whether Stripe's rows were read after it was paid, and show one payment of it and no other."""
    if case.item.kind is not Kind.CHARGE or iso(case.looked) < case.done_at:
        return False
    charges = {row.charge for row in case.movements if row.category == "charge"}
    return len(charges) == 1 and all(each.kind is not Difference.DUPLICATE for each in case.findings)


def _since(case: Case) -> Iterator[str]:
    """Say what has undone it since."""
    for each in case.undoing:
        day = wording.day(each.at, case.zone)
        ends = each.item.kind is Kind.CANCELLATION
        if each.done:
            yield f"Ended by run {each.item.run_id} on {day}." if ends else f"Given back on {day}."
        elif group_of(each.item) in (Group.PROCESSING, Group.UNKNOWN, Group.PENDING, Group.PARKED):
            yield f"{'Its end' if ends else 'A refund'} is under way since {day}."
    for found in case.findings:
        if found.at is not None and found.kind in SINCE:
            yield SINCE[found.kind].format(
                day=wording.day(iso(found.at), case.zone), amount=_amount(case, found.object)
            )


SINCE: Mapping[Difference, str] = {
    Difference.REFUNDED_OUTSIDE: "Given back on {day}, outside of this program{amount}.",
    Difference.DISPUTED: "Disputed by the customer on {day}{amount}.",
    Difference.RETURNED: "Taken back by the bank on {day}{amount}.",
    Difference.DUPLICATE: "Charged a second time on {day}{amount}.",
}


def _amount(case: Case, source: str) -> str:
    """Say how much, where that is not the whole of it."""
    rows = [row for row in case.movements if row.source == source]
    taken = abs(sum(row.presented for row in rows))
    return "" if not rows or taken == case.item.amount else f": {wording.priced(taken, rows[0].presented_currency)}"


def _tries(case: Case) -> Iterator[str]:
    """Say how often it was tried."""
    item = case.item
    if item.kind not in (Kind.CHARGE, Kind.SUBSCRIPTION):
        return
    earlier = len(case.lives) - 1
    if earlier:
        yield f"It was begun anew {_times(earlier)}: what went before came to nothing, or came back."
    if group_of(item) is Group.SUCCEEDED and item.attempt > 1:
        taken = wording.priced(int(item.facts.get("amount_charged") or item.amount), item.currency)
        before = f"{_number(item.attempt - 1)} earlier {'try' if item.attempt == 2 else 'tries'} took nothing."
        yield f"{before} {taken} was taken on the {ordinal(item.attempt)}."
    elif item.facts.get("declines") and group_of(item) in (Group.DECLINED, Group.NEEDS_CUSTOMER):
        declines = int(item.facts["declines"])
        why = ", the last time for this reason" if declines > 1 else ""  # a debit that came back is among them
        yield f"It came to nothing {_times(declines)}{why}: {reason_of(item.facts)}."


def _then(case: Case) -> Iterator[str]:
    group = group_of(case.item)
    due = str(case.item.facts.get("next_try") or "")
    if case.item.state is Charge.RETURNED:
        if wording.parsed(due, case.zone):
            yield f"The next try is due on {wording.day(due, case.zone)}."
    elif case.item.kind is Kind.CHARGE:
        yield from THEN.get(case.row, ())
    if group is Group.SUCCEEDED and not _open(case) and not case.undoing and case.item.kind in END:
        yield END[case.item.kind]
    elif case.row == "nothing_owed" or (group is Group.SUCCEEDED and not _open(case)):
        yield "Nothing more is done by this line."


def _open(case: Case) -> bool:
    """Tell whether a person may still have to see to it."""
    return any(found.kind is not Difference.REFUNDED_OUTSIDE for found in case.findings) or bool(
        case.item.facts.get("reason_code")
    )


def _found(case: Case) -> Iterator[str]:
    """Say what else a comparison has found."""
    for found in case.findings:
        if found.kind not in SINCE:
            yield f"The comparison with Stripe found: {found.says}."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _number(number: int) -> str:
    words = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    return words[number] if number < len(words) else str(number)
