"""Which charges a retry would take up now, with how much money, and why it leaves each of the others, until when."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from billing.core.entries import ItemRecord, merged
from billing.core.kinds import phase_of
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.life import Group, Phase
from billing.core.money import add_money
from billing.core.records import RunRecord
from billing.flow.engine.goals import Goal, taken_up
from billing.flow.engine.scheduler import PAGE
from billing.flow.kinds.charge.attempts import Attempts, cards_of
from billing.flow.kinds.charge.cards import Blocks
from billing.flow.kinds.charge.steps import rests, wants_new_clone
from billing.flow.options import Selection
from billing.flow.retrying.methods import Replacement
from billing.flow.services import Services


class Why(StrEnum):
    """Why a charge is taken up."""

    DUE = "due"
    NEW_METHOD = "new_method"
    NEW_DEFAULT = "new_default"
    BEGUN_ANEW = "begun_anew"
    GOES_ON = "goes_on"
    CLOSES = "closes"


WHY: Mapping[Why, str] = {
    Why.DUE: "its time has come",
    Why.NEW_METHOD: "with the payment method that was named",
    Why.NEW_DEFAULT: "the customer has saved another payment method",
    Why.BEGUN_ANEW: "begun anew: the last payment of it is over",
    Why.GOES_ON: "an earlier retry was interrupted here",
    Why.CLOSES: "no try is left: closed, nothing is charged",
}


class Left(StrEnum):
    """Why a charge is left for now."""

    NOT_DUE = "not_due"
    CARD_FULL = "card_full"
    CARD_BLOCKED = "card_blocked"
    CUSTOMER = "customer_must_act"
    PERSON = "look_in_stripe"
    IN_DOUBT = "no_answer_yet"
    ON_ITS_WAY = "on_its_way"
    BEYOND_LIMIT = "beyond_limit"
    NOT_SELECTED = "not_selected"


LEFT: Mapping[Left, str] = {
    Left.NOT_DUE: "tried again later",
    Left.CARD_FULL: "the card was tried as often as it may be for now",
    Left.CARD_BLOCKED: "the card was declined for good: another one is needed",
    Left.CUSTOMER: "the customer must act first",
    Left.PERSON: "a person reads the decline in Stripe first",
    Left.IN_DOUBT: "no answer yet: billing resolve looks",
    Left.ON_ITS_WAY: "on its way: billing settle follows it",
    Left.BEYOND_LIMIT: "beyond --limit",
    Left.NOT_SELECTED: "not selected",
}


@dataclass(slots=True)
class Row:
    """Lines of one reason.

    Attributes:
        lines: how many.
        totals: currency -> minor units.
        next_try: the earliest moment at which one of them may be tried; None where no time helps.
    """

    lines: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    next_try: datetime | None = None

    def add(self, item: ItemRecord, next_try: datetime | None = None) -> None:
        """Take in one line."""
        self.lines += 1
        add_money(self.totals, item.amount, item.currency)
        if next_try is not None:
            self.next_try = min(next_try, self.next_try or next_try)


@dataclass(slots=True)
class Round:
    """What a retry of one run would do now.

    Attributes:
        record: the run.
        rows: ledger rows of the items that are taken up.
        renewed: ledger row -> the payment method with which it goes on; also of items that must wait for their card.
        new: the payment methods that were asked for or found, by ledger row.
        anew: items that are over and whose obligation is begun anew.
        tried: what is charged.
        whys: the same, and what is closed, by reason.
        left: what is not tried, by reason.
        named: patterns of the selection that name an item.
        customers, accounts: of what is charged.
        looked_up: customers who must act and were looked up for another default, one read each.
    """

    record: RunRecord
    rows: set[int] = field(default_factory=set)
    renewed: dict[int, Replacement] = field(default_factory=dict)
    new: Mapping[int, Replacement] = field(default_factory=dict)
    anew: list[ItemRecord] = field(default_factory=list)
    tried: Row = field(default_factory=Row)
    whys: dict[Why, Row] = field(default_factory=dict)
    left: dict[Left, Row] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    looked_up: int = 0

    @property
    def moves(self) -> bool:
        """Whether there is anything to do at all."""
        return bool(self.rows or self.renewed or self.anew)

    def take(self, item: ItemRecord, why: Why) -> None:
        """Take an item up."""
        self.whys.setdefault(why, Row()).add(item)
        if why is not Why.CLOSES:
            self.tried.add(item)
            self.customers.add(item.payer)
            self.accounts.add(item.account)

    def leave(self, item: ItemRecord, why: Left, until: datetime | None = None) -> None:
        """Leave an item."""
        self.left.setdefault(why, Row()).add(item, until)


Taken = set[tuple[str, str]]
# (Card, account) of what is tried now: an attempt with it in whatever run leaves no room for another one.


class Look:
    """One look through a run; cards that it has given to one item are not there for the next one."""

    def __init__(self, services: Services, found: Round, selection: Selection, limit: int | None, taken: Taken) -> None:
        """``limit`` is how many may be tried; ``taken`` grows, and is shared with the looks through other runs."""
        self._services, self._found, self._selection, self._limit = services, found, selection, limit
        self._attempts, self._blocks = services.shared(Attempts), services.shared(Blocks)
        self._now = services.clock.now()
        self._new, self._taken = found.new, taken

    def through(self) -> Round:
        """Look at every item of the run that another attempt might help."""
        for item in items_of(self._services, self._found.record.run_id):
            self._found.named |= self._selection.named_by(item)
            self._item(item)
        return self._found

    def _item(self, item: ItemRecord) -> None:
        if not self._selection.takes(item):
            if not rests(Goal.RETRY, item):
                self._found.leave(item, Left.NOT_SELECTED)
        elif item.state is State.CANCELLING or (item.id not in self._new and _closes(item)):
            self._take(item, Why.CLOSES)
        elif item.id in self._new or _rests(item):
            self._resting(item)
        elif not rests(Goal.RETRY, item):
            self._under_way(item)
        elif phase_of(item.state) is Phase.SETTLING:
            self._found.leave(item, Left.ON_ITS_WAY)

    def _under_way(self, item: ItemRecord) -> None:
        """An item that is not at rest: a retry's own goes on, a run's is left to `billing resolve` and to the run."""
        if not (item.attempt > 1 or item.content.get("earlier_declines")):
            self._found.leave(item, Left.IN_DOUBT)
        elif item.state is State.READY and (until := self._attempts.waits(item)):
            self._found.leave(item, Left.CARD_FULL, until)
        else:
            self._take(item, Why.GOES_ON)

    def _resting(self, item: ItemRecord) -> None:
        replacement = self._new.get(item.id)
        if replacement is None and (left := self._no_time_helps(item)) is not None:
            self._found.leave(item, left)
            return
        due = self._now if replacement else datetime.fromisoformat(item.facts["next_try"])
        if due > self._now:
            self._found.leave(item, Left.NOT_DUE, due)
            return
        asked = replace(item, facts=merged(item.facts, replacement.move().facts)) if replacement else item
        if self._beyond():
            self._found.leave(item, Left.BEYOND_LIMIT)
            return
        if replacement is not None and item.state is State.UNPAID:
            self._found.renewed[item.id] = replacement
        if self._blocks.why(asked):
            self._found.leave(item, Left.CARD_BLOCKED)
        elif (until := self._full(asked)) is not None:
            self._found.leave(item, Left.CARD_FULL, until)
        else:
            self._begin(item, asked, replacement)

    def _begin(self, item: ItemRecord, asked: ItemRecord, replacement: Replacement | None) -> None:
        self._taken |= {(card, item.account) for card in cards_of(asked)}
        if item.state is State.UNPAID:
            self._take(item, Why.DUE if replacement is None else Why(replacement.why))
        else:
            self._found.anew.append(item)
            self._found.take(item, Why.BEGUN_ANEW if replacement is None else Why(replacement.why))

    def _take(self, item: ItemRecord, why: Why) -> None:
        if why is not Why.CLOSES and self._beyond():
            self._found.leave(item, Left.BEYOND_LIMIT)
            return
        self._found.rows.add(item.id)
        self._found.take(item, why)

    def _beyond(self) -> bool:
        return self._limit is not None and self._found.tried.lines >= self._limit

    def _full(self, item: ItemRecord) -> datetime | None:
        """Return until when the card of an item must not be tried, by what is on record and by what is tried now."""
        if {(card, item.account) for card in cards_of(item)} & self._taken:
            return (self._now + timedelta(days=1)).astimezone(UTC)
        return self._attempts.waits(item)

    def _no_time_helps(self, item: ItemRecord) -> Left | None:
        """Return why an item is left whose time will not come by itself."""
        if item.facts.get("next_try"):
            return None
        return Left.CUSTOMER if item.facts.get("group") == Group.NEEDS_CUSTOMER else Left.PERSON


def _rests(item: ItemRecord) -> bool:
    """Tell whether time, or another method, may help an item."""
    if item.state is State.RETURNED:
        return bool(item.facts.get("next_try"))
    return item.state is State.UNPAID and not wants_new_clone(item)


def _closes(item: ItemRecord) -> bool:
    return item.state is State.UNPAID and bool(item.facts.get("fence")) and not wants_new_clone(item)


def items_of(services: Services, run_id: str) -> Iterator[ItemRecord]:
    """Yield the items that are looked at: not paid, in their newest generation."""
    ledger = services.ledger
    states = (*taken_up(CHARGE_LIFE, Goal.RETRY), State.UNSETTLED)
    for account in ledger.workload(run_id, states):
        row = 0
        while page := ledger.work(run_id, states, account, row, PAGE):
            row = page[-1].id
            yield from page
    for row, state, _listed in ledger.standing(run_id):
        if state in CHARGE_LIFE.reopens and state is not State.SKIPPED:
            yield ledger.item(row)
