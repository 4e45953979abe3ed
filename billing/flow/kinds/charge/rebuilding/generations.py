"""What became of each line over its generations, as its intents show it, and what the ledger lacks of that.

A line that was corrected, withdrawn or begun anew has an intent for each generation that came so far. The protocol
opens a generation only when the one before is provably dead, or its money came back, so at most one is alive. Hence the
story of a line:

    none alive, the last as the file says     the last one stands, closed; nothing charges it again
    none alive, the last otherwise            the file was corrected after it: the next generation stands, not begun
    one alive                                 it stands; it must be as the file says
    several alive                             the line is left out and a person told: nobody knows which one is meant

Every generation before the one that stands is put on record as closed, or come back, with its intent if there is one.
Of those that the file no longer describes the intent tells amount, currency, share and account; their payer is not
known any more.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from billing.core.entries import Facts, ItemRecord, Move
from billing.core.items import Charge, InputLine, Kind, Mode
from billing.core.keys import charge_digest, item_id
from billing.core.kinds import ended_empty
from billing.core.kinds.charge import CHARGE_LIFE, Event, State
from billing.core.life import Group
from billing.core.listed import DIGEST_LETTERS
from billing.core.objects.returned import ReturnSeen
from billing.core.outcomes import Halt, Lost, Undecided
from billing.core.plans import PlanContext, reason_of
from billing.core.records import NewItem
from billing.core.redaction import scrub
from billing.core.skips import CLOSED_BEFORE_LOSS, HELD_BY_ANOTHER, SKIPS
from billing.flow.engine.context import skipped
from billing.flow.kinds.charge.rebuilding.intents import Intent, Shown, reading

REBUILT: Facts = {"rebuilt": True}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One generation that is to be put on record.

    Attributes:
        new: the item, planned, or skipped at once when no intent is to be recorded.
        closed: the entries that end it, or none.
    """

    new: NewItem
    closed: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """What the ledger lacks of one reference before the item that stands can be brought up.

    Attributes:
        reference: the operator's id.
        line: of the file; None for one that was withdrawn.
        item: the newest generation on record, or None.
        ends: the entries that end it first, or none.
        chapters: the generations after it, in their order; the last one stands.
    """

    reference: str
    line: InputLine | None
    item: ItemRecord | None
    ends: tuple[Move, ...] = ()
    chapters: tuple[Chapter, ...] = ()


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells the stories of one run.

    Attributes:
        context: of its plan: mode, platform, period, run, findings.
    """

    context: PlanContext

    def story(self, reference: str, shown: Shown, line: InputLine | None, item: ItemRecord | None) -> Story | None:
        """Return what is to be put on record of a reference, or None when its line as planned is all."""
        charge = line.item if line is not None and isinstance(line.item, Charge) else None
        if item is not None and item.run_id != self.context.run_id and not ended_empty(item.state):
            return None
        standing, planned = shown.standing, item is not None and item.state is State.PLANNED
        on_record = -1 if item is None else item.generation
        if charge is not None and (shown.is_ambiguous or (shown.alive and planned and standing < on_record)):
            return self._left_out(shown, charge, line, item)
        if standing < on_record or (standing == on_record and not planned):
            return None
        last = standing + (charge is not None and _is_superseded(shown, charge, self.context.mode))
        if charge is not None and (last == on_record or (item is None and last == 0)):
            return None
        ends = () if item is None or ended_empty(item.state) else _ending(item, shown, _code(charge, last, item))
        if ends is None:
            return None
        chapters = [self._bygone(reference, shown, number, charge, last) for number in range(on_record + 1, last)]
        if charge is None and last > on_record:
            chapters.append(self._bygone(reference, shown, last, charge, last))
        elif charge is not None:
            chapters.append(Chapter(self.context.item(charge, last, self._skip(shown, charge, last))))
        return Story(reference, line, item, ends, tuple(chapters))

    def _skip(self, shown: Shown, charge: Charge, last: int) -> str | None:
        """Return why the generation that stands is not charged; what Stripe shows of one counts more than findings."""
        return None if last in shown else self.context.unusable(charge)

    def _left_out(self, shown: Shown, charge: Charge, line: InputLine | None, item: ItemRecord | None) -> Story | None:
        """Leave a line as good as paid of which several generations are alive."""
        code = "paid_elsewhere" if any(intent.paid for intent in shown.flat()) else "opened_elsewhere"
        if item is not None and item.state is State.PLANNED:
            return Story(charge.reference, line, item, (_rebuilt(skipped(CHARGE_LIFE, code, SKIPS[code].means)),))
        if item is not None and (not ended_empty(item.state) or reason_of(item) in HELD_BY_ANOTHER):
            return None
        number = 0 if item is None else item.generation + 1
        return Story(charge.reference, line, item, (), (Chapter(self.context.item(charge, number, code)),))

    def _bygone(self, reference: str, shown: Shown, number: int, charge: Charge | None, last: int) -> Chapter:
        """Return a generation that is over, with the intent that it left, if it left one."""
        intents = shown.get(number, ())
        code = "withdrawn" if charge is None and number == last else CLOSED_BEFORE_LOSS
        if charge is not None and all(not other_content(one, charge, self.context.mode) for one in intents[:1]):
            new = self.context.item(charge, number, code)
        else:
            new = self._from_intent(reference, (intents or shown.flat())[0], number, code)
        if not intents:
            return Chapter(new)
        return Chapter(replace(new, skip=None, facts={}), closed_moves(intents[0], code))

    def _from_intent(self, reference: str, intent: Intent, number: int, code: str) -> NewItem:
        """Return an item that is known by its intent alone."""
        context = self.context
        run_id = intent.mark("billing_run") or context.run_id
        content: dict[str, object] = {"run_id": run_id, "customer": "", "payment_method": "", "skip": code}
        if intent.fee is not None:
            content["application_fee"] = intent.fee
        return NewItem(
            item_id=item_id(context.mode, context.platform, context.period, reference, number, Kind.CHARGE),
            kind=Kind.CHARGE,
            reference=reference,
            generation=number,
            account=intent.account,
            payer="",
            amount=intent.amount,
            currency=str(intent.body.get("currency")),
            digest=intent.mark("billing_digest"),
            content=content,
            skip=code,
            facts=_facts(code),
        )


def closed_moves(intent: Intent, code: str) -> tuple[Move, ...]:
    """Return the entries of an item that is over: begun, and its intent seen cancelled, or paid and come back."""
    keys = {"open_n": 0, "open_born": intent.created, "clone_n": 0, "clone_born": intent.created}
    begun = Move(Event.PREPARE_STARTED, attempt=1, facts={**keys, **REBUILT})
    if intent.back is None:
        return begun, Move(Event.INTENT_CANCELLED, object_id=intent.id, facts=_facts(code))
    paid = Move(
        Event.CHARGE_SUCCEEDED, object_id=intent.id, facts={"charge": intent.body.get("latest_charge"), **REBUILT}
    )
    return begun, paid, came_back(intent.back, code)


def came_back(seen: ReturnSeen, code: str) -> Move:
    """Return the entry of a generation whose money came back before another one was asked for."""
    at = datetime.fromtimestamp(seen.created, UTC).isoformat(timespec="seconds")
    facts = {**_facts(code), "dispute": seen.dispute, "returned_at": at, "return_fee": seen.fee}
    return Move(Event.PAYMENT_RETURNED, facts=facts)


def _facts(code: str) -> dict[str, object]:
    return {"group": str(Group.SKIPPED), "reason_code": code, "reason": SKIPS[code].means, **REBUILT}


def _rebuilt(move: Move) -> Move:
    return replace(move, facts={**move.facts, **REBUILT})


def _code(charge: Charge | None, last: int, item: ItemRecord) -> str:
    return "withdrawn" if charge is None and last == item.generation else CLOSED_BEFORE_LOSS


def _ending(item: ItemRecord, shown: Shown, code: str) -> tuple[Move, ...] | None:
    """Return the entries that end an item on record, or None while nothing shows that it is over."""
    intents = shown.get(item.generation, ())
    if item.state is State.PLANNED:
        own = [intent for intent in intents if (intent.cancelled or intent.back) and _equals(intent, item)]
        return closed_moves(own[0], code) if own else (_rebuilt(skipped(CHARGE_LIFE, code, SKIPS[code].means)),)
    own = [intent for intent in intents if intent.id == item.object_id]
    if item.state is State.SUCCEEDED and own and own[0].back is not None:
        return (came_back(own[0].back, code),)
    if any(intent.cancelled for intent in own):
        return (Move(Event.INTENT_CANCELLED, facts={**_facts(code), "next_try": None, "fence": None}),)
    return None


def _equals(intent: Intent, item: ItemRecord) -> bool:
    """Tell whether an intent asks for what an item on record asks for."""
    asked = (item.account, item.amount, item.currency, item.digest[:DIGEST_LETTERS])
    named = (intent.account, intent.amount, intent.body.get("currency"), intent.mark("billing_digest"))
    return asked == named


def _is_superseded(shown: Shown, charge: Charge, mode: Mode) -> bool:
    """Tell whether the file was corrected after the last generation that was opened, which is closed."""
    return not shown.alive and bool(other_content(shown[shown.standing][0], charge, mode))


def other_content(intent: Intent, charge: Charge, mode: Mode) -> str:
    """Return how an intent contradicts its line, or an empty text."""
    digest = charge_digest(charge)
    match reading(intent, charge.amount.minor, charge.amount.currency, charge.application_fee, mode):
        case Halt(message=message):
            return f"{message}, on {intent.account}"
        case Undecided() | Lost():
            return f"intent {intent.id} on {intent.account} is {scrub(intent.status)!r}, which no run of ours leaves"
        case _:
            pass
    if intent.mark("billing_digest") != digest[:DIGEST_LETTERS]:
        opened = scrub(intent.mark("billing_digest")) or "nothing"
        return (
            f"intent {intent.id} on {intent.account} was opened for other content (digest {opened}, this line's is "
            f"{digest[:DIGEST_LETTERS]}): account, customer, payment method, fee, description, suffix or metadata"
        )
    return ""


def contradictions(shown: Shown, charge: Charge, item: ItemRecord | None, run_id: str, mode: Mode) -> Iterator[str]:
    """Yield how the intents of a line contradict the file, or what this ledger has on record."""
    if shown.is_ambiguous:
        if item is not None and not ended_empty(item.state) and item.state not in (State.PLANNED, State.SUCCEEDED):
            yield f"{named(shown.flat())} are not closed, and this ledger holds the line as {item.state}"
        return
    if not shown.alive or (item is not None and shown.standing < item.generation):
        return
    for intent in shown[shown.standing]:
        if intent.cancelled:
            continue
        if message := other_content(intent, charge, mode) or _held_elsewhere(intent, item, run_id):
            yield message


def _held_elsewhere(intent: Intent, item: ItemRecord | None, run_id: str) -> str:
    """Return a sentence when another run of this ledger holds the item and does not know that this intent paid it."""
    if item is None or item.run_id == run_id or not intent.paid or item.object_id == intent.id:
        return ""
    return f"run {item.run_id} holds this reference as {item.state}, and intent {intent.id} has paid it"


def named(intents: Sequence[Intent]) -> str:
    """Name the intents of a reference that are not closed."""
    return ", ".join(f"{one.id} ({one.status}) on {one.account}" for one in intents if not one.cancelled)
