"""What becomes of the lines of a made run: each story is the entries of one item, at the moments they were written."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.core.declines import CODES, MEANINGS
from billing.core.entries import Facts, ItemRecord, Move, Note
from billing.core.kinds.charge import Event
from billing.core.returns import REASONS
from billing.flow.engine.context import waits_for_account
from tests.reporting import hostile

CLEAR = dict.fromkeys(("group", "reason_code", "reason", "what_to_do", "remedy", "next_try"))
LATER, GOOD, CUSTOMER = "insufficient_funds", "do_not_try_again", "authentication_required"
GAPS = (timedelta(days=1), timedelta(days=3), timedelta(days=7))
# Between attempts, as the standard schedule has them.
Step = tuple[datetime, tuple[Move, ...]]


@dataclass(frozen=True, slots=True)
class Of:
    """One line whose story is told.

    Attributes:
        n: its number in the sheet.
        item: as it was planned.
        began: when its first request left.
        hostile: whether what Stripe says is an attack.
    """

    n: int
    item: ItemRecord
    began: datetime
    hostile: bool

    def id(self, prefix: str, attempt: int = 1) -> str:
        """Return an object's id."""
        plain = f"{prefix}_3{self.item.id:016d}{attempt}"
        return f"{plain}{hostile.name(self.n)}" if self.hostile and prefix != "pm" else plain

    def says(self, plain: str, shift: int = 0) -> str:
        """Return a text of Stripe's."""
        return hostile.code(self.n + shift) if self.hostile else plain

    @property
    def request(self) -> Facts:
        """The name of the request that told it."""
        return {"request_id": self.says(f"req_{self.item.id:014d}", 7)}


def told(of: Of, code: str, **more: object) -> Facts:
    """Return the facts of a decline."""
    rule = CODES[code]
    return {
        "group": str(rule.group), "reason_code": of.says(code), "reason": of.says(MEANINGS[rule.remedy], 3),
        "what_to_do": of.says(rule.what_to_do, 5), "remedy": str(rule.remedy), "advice_code": "try_again_later",
        **of.request, **more,
    }  # fmt: skip


def begun(of: Of, attempt: int, at: datetime) -> tuple[Move, ...]:
    """Return the entries up to the confirm."""
    born, said = int(at.timestamp()), at.isoformat(timespec="seconds")
    first: dict[str, object] = {"open_n": 0, "open_born": born} if attempt == 1 else {}
    confirm = {"last_try": said, "confirm_n": 0, "confirm_born": born}
    shown = {"fingerprint": f"{of.item.id % 99_991:016x}", "brand": ("visa", "mastercard")[of.n % 2]}
    return (
        Move(Event.PREPARE_STARTED, attempt=attempt, facts={**CLEAR, "clone_n": 0, "clone_born": born, **first}),
        Move(Event.PREPARED, object_id=of.id("pi"), instrument_id=of.id("pm", attempt), facts=shown),
        Move(Event.CONFIRM_STARTED, facts=confirm | ({"first_try": said} if attempt == 1 else {})),
    )


def paid_by(of: Of, prefix: str = "ch", attempt: int = 1) -> Move:
    """Return that it is paid."""
    amounts = {"amount_charged": of.item.amount, "application_fee_charged": of.item.content["application_fee"]}
    return Move(Event.CHARGE_SUCCEEDED, facts={**CLEAR, "charge": of.id(prefix, attempt), **of.request, **amounts})


def no(of: Of, code: str, tries: int, at: datetime, gap: timedelta | None = None) -> Move:
    """Return that an attempt was declined, and is to be repeated after a gap."""
    due = {"next_try": (at + gap).isoformat(timespec="seconds")} if gap else {}
    facts = told(of, code, declines=tries, charge=of.id("ch", tries), **due)
    return Move(Event.CHARGE_DECLINED, facts=facts)


def paid(of: Of) -> Iterator[Step]:
    yield of.began, (*begun(of, 1, of.began), paid_by(of))


def debit(of: Of, *, arrives: bool = True) -> Iterator[Step]:
    way = Move(Event.CHARGE_UNSETTLED, facts={**CLEAR, "charge": of.id("py"), **of.request})
    yield of.began, (*begun(of, 1, of.began), way)
    if arrives:
        yield of.began + timedelta(days=4 + of.n % 5), (paid_by(of, "py"),)


def debit_refused(of: Of) -> Iterator[Step]:
    yield from debit(of, arrives=False)
    at = of.began + timedelta(days=5)
    yield at, (no(of, "account_closed", 1, at),)


def returned(of: Of) -> Iterator[Step]:
    yield from debit(of)
    at = of.began + timedelta(days=14)
    rule = REASONS["insufficient_funds"]
    facts = {
        "group": str(rule.group), "reason_code": "insufficient_funds", "reason": of.says(rule.note, 2),
        "what_to_do": rule.what_to_do, "remedy": str(rule.remedy), "declines": 1, "dispute": of.id("du"),
        "returned_at": at.isoformat(timespec="seconds"), "return_fee": 400,
    }  # fmt: skip
    yield at, (Move(Event.PAYMENT_RETURNED, facts=facts),)


def recovered(of: Of, tries: int) -> Iterator[Step]:
    at = of.began
    for attempt in range(1, tries):
        gap = GAPS[attempt - 1]
        yield at, (*begun(of, attempt, at), no(of, LATER, attempt, at, gap))
        at += gap
    yield at, (*begun(of, tries, at), paid_by(of, "ch", tries))


def declined_for_now(of: Of) -> Iterator[Step]:
    yield of.began, (*begun(of, 1, of.began), no(of, LATER, 1, of.began, GAPS[2]))


def customer_must_act(of: Of) -> Iterator[Step]:
    yield of.began, (*begun(of, 1, of.began), no(of, CUSTOMER, 1, of.began))


def declined_for_good(of: Of) -> Iterator[Step]:
    closed = (
        Move(Event.CANCEL_STARTED, facts={"cancel_n": 0, "cancel_born": int(of.began.timestamp())}),
        Move(Event.INTENT_CANCELLED, facts={"canceled": True}),
    )
    last = no(of, "do_not_honor", 1, of.began)
    yield of.began, (*begun(of, 1, of.began), last, *closed)


def no_answer(of: Of) -> Iterator[Step]:
    yield of.began, (*begun(of, 1, of.began), Move(Event.CHARGE_LOST, facts={"lost": "lost"}))


def answered_late(of: Of) -> Iterator[Step]:
    yield from no_answer(of)
    yield of.began + timedelta(minutes=10), (paid_by(of),)


def parked(of: Of) -> Iterator[Step]:
    why = {
        "reason_code": "resolve_exhausted", "reason": of.says("Stripe does not say what became of it", 1),
        "what_to_do": "See the payment in Stripe.", **of.request,
    }  # fmt: skip
    yield from no_answer(of)
    yield of.began + timedelta(minutes=10), (Move(Event.RESOLVE_EXHAUSTED, facts=why),)


def not_paid(of: Of) -> Iterator[Step]:
    why = {"group": "failed", "reason_code": of.says("parameter_invalid"), "reason": of.says("the request was wrong")}
    born = int(of.began.timestamp())
    first = {"open_n": 0, "open_born": born, "clone_n": 0, "clone_born": born}
    yield (
        of.began,
        (Move(Event.PREPARE_STARTED, attempt=1, facts=first), Move(Event.OPEN_REFUSED, facts={**why, **of.request})),
    )


def account_refuses(of: Of) -> Iterator[Step]:
    why = waits_for_account(of.item.account, "account_invalid", of.says("the account cannot charge", 4))
    yield of.began, (Move(Note.SET_ASIDE, facts=why),)


def untouched(_of: Of) -> Iterator[Step]:
    yield from ()


Story = Callable[[Of], Iterator[Step]]
STORIES: dict[str, tuple[float, Story]] = {
    # name: (how often in a thousand lines, what happens)
    "paid": (830, paid),
    "debit_arrived": (40, debit),
    "debit_on_its_way": (15, lambda of: debit(of, arrives=False)),
    "debit_refused": (3, debit_refused),
    "returned": (4, returned),
    "second_try": (15, lambda of: recovered(of, 2)),
    "third_try": (6, lambda of: recovered(of, 3)),
    "fourth_try": (3, lambda of: recovered(of, 4)),
    "declined_for_now": (14, declined_for_now),
    "customer_must_act": (16, customer_must_act),
    "declined_for_good": (9, declined_for_good),
    "no_answer": (2, no_answer),
    "answered_late": (4, answered_late),
    "parked": (2, parked),
    "not_paid": (3, not_paid),
    "account_refuses": (4, account_refuses),
    "not_yet": (6, untouched),
    "account_cannot_charge": (10, untouched),
    "already_paid": (8, untouched),
    "held_by_another_run": (2, untouched),
    "invalid": (4, untouched),
}
PLANNED_OUT = frozenset({"account_cannot_charge", "already_paid", "held_by_another_run", "invalid"})
# Stories that the plan decides: the run does nothing about them.
DEBITS = frozenset({"debit_arrived", "debit_on_its_way", "debit_refused", "returned"})
