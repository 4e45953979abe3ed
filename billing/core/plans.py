"""What a plan decides for each line, before any money moves: create it, go on with it, skip it, or refuse the file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from billing.core.entries import Facts, ItemRecord
from billing.core.findings import Findings
from billing.core.item_rules import Difference, ItemRules
from billing.core.items import Item, Kind, Mode
from billing.core.keys import item_id, length_prefixed
from billing.core.kinds import LIVES, ended_empty, is_planned, life_of
from billing.core.kinds.rules import RULES
from billing.core.life import Group
from billing.core.records import NewItem
from billing.core.skips import CLOSED_BY_FILE, HELD_BY_ANOTHER, OPERATORS, SKIPS, TAKEN_BACK, TAKEN_UP_AGAIN


@dataclass(frozen=True, slots=True)
class Create:
    """Carry it out as a new item, or keep it as skipped.

    Attributes:
        new: the item.
        before: the generation it follows, which ended unpaid; None for an obligation that is new altogether.
        changes: what the file says otherwise than that one did.
    """

    new: NewItem
    before: ItemRecord | None = None
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Replace:
    """This run holds the obligation with other content, unfulfilled: close that item, then create the next one.

    ``changes`` are empty when the file says the same and only what a look-up finds of it is another now.
    """

    item: ItemRecord
    new: NewItem
    changes: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Continue:
    """This run already holds the obligation, with the same content.

    ``skip`` says why it is left although it is not fulfilled: what a look-up found of a planned one, or the reason that
    still holds of a skipped one.
    """

    item: ItemRecord
    skip: str | None = None


@dataclass(frozen=True, slots=True)
class Skip:
    """Another run holds the obligation."""

    item: ItemRecord
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The file contradicts the ledger; ``hint`` says what would be possible, ``item`` is what it contradicts."""

    code: str
    message: str
    hint: str
    item: ItemRecord | None = None


Decision = Create | Replace | Continue | Skip | Refuse


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What decisions depend on beside the line itself.

    Attributes:
        platform: the platform account.
        mode: test or live.
        period: of the run.
        run_id: of the run.
        frozen: whether the run has begun and is not being amended, so that the file must be as it was planned.
        amend: whether the run is being amended.
        findings: of the look-ups.
        unexamined: skip reasons that nothing was looked up about, so that an item skipped for one stays skipped.
        blocked: what the ledger knows not to be used for now, by name (a payment method), each with why.
        kind: of the run's items.
        keyed: makes a digest under the ledger's key of what says who somebody is; None without a ledger, where no
            decision can depend on it.
    """

    platform: str
    mode: Mode
    period: str
    run_id: str
    frozen: bool
    amend: bool
    findings: Findings
    unexamined: frozenset[str] = frozenset()
    blocked: Mapping[str, str] = field(default_factory=dict)
    kind: Kind = Kind.CHARGE
    keyed: Callable[[bytes], str] | None = None

    @property
    def rules(self) -> ItemRules[Any]:
        """What its kind asks for."""
        return RULES[self.kind]

    def priced(self, item: Item) -> Item:
        """Return a line with its money, which it may have left to a look-up."""
        priced = self.rules.priced
        found: Item = item if priced is None else priced(self.findings, item)
        return found

    def found(self, item: Item) -> Mapping[str, str]:
        """Return what the look-ups found of a line and its item fixes."""
        return self.rules.found(self.findings, item)

    def unusable(self, item: Item) -> str | None:
        """Return why a line cannot be carried out as things are (a code of ``SKIPS``), or None."""
        if self.platform and item.account == self.platform:
            return "account_is_platform"
        if reason := self.findings.accounts.get(item.account):
            return reason
        return self.rules.unusable(self.findings, item, self.blocked)

    def next_item(self, item: Item, before: ItemRecord | None = None) -> NewItem:
        """Return the item that stands for a line: its first, or the one after ``before``."""
        return self.item(item, 0 if before is None else before.generation + 1, self.unusable(item))

    def item(self, item: Item, generation: int, skip: str | None) -> NewItem:
        """Return an item of a line; ``skip`` is a code of ``SKIPS`` for one that is left out."""
        skipped = {} if skip is None else {"group": "skipped", "reason_code": skip, "reason": SKIPS[skip].means}
        period = LIVES[self.kind].scope.within(self.period)
        return NewItem(
            item_id=item_id(self.mode, self.platform, period, item.reference, generation, self.kind),
            kind=self.kind,
            reference=item.reference,
            generation=generation,
            account=item.account,
            payer=item.payer,
            amount=item.amount.minor,
            currency=item.amount.currency,
            digest=self.digest(item),
            content=self._content(item, skip),
            skip=skip,
            facts=skipped,
        )

    def _content(self, item: Item, skip: str | None) -> Facts:
        content = {"run_id": self.run_id, **self.rules.content(item, self.found(item))}
        return content if skip is None else {**content, "skip": skip}

    def digest(self, item: Item) -> str:
        """Return the digest of what a line asks for, who it is about included."""
        asked, personal = self.rules.digest(item), self.rules.personal
        if personal is None or self.keyed is None:
            return asked
        return self.keyed(length_prefixed((asked, *(text for pair in personal(item).values for text in pair))))

    def same(self, item: Item, record: ItemRecord) -> bool:
        """Tell whether a line asks for what an item on record was made of."""
        return record.digest == self.digest(item)

    def differences(self, item: Item, record: ItemRecord) -> tuple[Difference, ...]:
        """Return the fields in which a line differs from an item on record; who it is about is not told."""
        found = self.rules.differences(item, record)
        return found if found or self.same(item, record) else (PERSONAL_DIFFERS,)

    def moved(self, item: Item, record: ItemRecord) -> bool:
        """Tell whether a look-up finds something else now than an item on record has fixed."""
        return any(value and value != record.content.get(name) for name, value in self.found(item).items())


PERSONAL_DIFFERS = Difference("personal data", "as planned", "changed")
# What is said where nothing that may be shown differs.


def decide(context: PlanContext, line: Item, item: ItemRecord | None) -> Decision:
    """Return what the plan does with one valid line, given what the ledger knows of its obligation."""
    if item is None:
        return _not_planned(context, line) if context.frozen else Create(context.next_item(line))
    if ended_empty(item.state):
        return _after_an_end(context, line, item)
    same = context.same(line, item)
    if item.run_id != context.run_id:
        return _elsewhere(item) if same else _refuse_elsewhere(context, line, item)
    return _go_on(context, line, item) if same else _correct(context, line, item)


def reason_of(item: ItemRecord) -> str:
    """Return the reason code of an item that ended unpaid, or an empty text."""
    return str(item.facts.get("reason_code") or item.content.get("skip") or "")


def came_back(item: ItemRecord) -> bool:
    """Tell whether an item had succeeded and was taken back, and nobody has decided against it since.

    Neither time nor the same line again asks for it anew: only whoever retries it, or changes the line, does.
    """
    return item.state in life_of(item.state).taken_back and reason_of(item) not in OPERATORS


def _not_planned(context: PlanContext, line: Item) -> Refuse:
    message = f'reference "{line.reference}" is not in run {context.run_id} as it was planned'
    return Refuse("not_planned", message, "add it with --amend, or give the run another period")


def _go_on(context: PlanContext, line: Item, item: ItemRecord) -> Decision:
    """Decide for a line that this run holds as it stands; before anything was sent, findings still count."""
    if not is_planned(item.state):
        return Continue(item)
    if skip := context.unusable(line):
        return Continue(item, skip)
    if context.moved(line, item):
        return Replace(item, context.next_item(line, item))
    return Continue(item)


def _correct(context: PlanContext, line: Item, item: ItemRecord) -> Decision:
    """Decide for a line of this run that the file changed and that is not over yet, or is paid."""
    if (said := fixed(item.state)) is not None:
        return _refuse(context, line, item, *said)
    if context.frozen:
        return _refuse(context, line, item, "was planned", "add --amend to change what is not paid")
    return Replace(item, context.next_item(line, item), context.differences(line, item))


def _after_an_end(context: PlanContext, line: Item, item: ItemRecord) -> Decision:
    """Decide for a line whose last item ended unpaid, in this run or another: it is over, or begins anew."""
    reason, same = reason_of(item), context.same(line, item)
    if reason in HELD_BY_ANOTHER:
        hint = "restore the line, and change it with the ledger that holds it"
        return _over(context, item, reason) if same else _refuse(context, line, item, "is held by another ledger", hint)
    if reason == "cancelled" and (same or not context.amend):
        return _over(context, item, reason) if same else _refuse_frozen(context, line, item)
    own = item.run_id == context.run_id
    if came_back(item) and (same or not (own and context.amend)):
        return _over(context, item, None) if same else _refuse_back(context, line, item)
    if reason in CLOSED_BY_FILE or not same:
        if context.frozen:
            return _refuse_frozen(context, line, item)
        return Create(context.next_item(line, item), item, context.differences(line, item))
    if item.state is not life_of(item.state).skipped and reason not in TAKEN_UP_AGAIN:
        return _over(context, item, None)
    now = reason if reason in context.unexamined else context.unusable(line)
    return Create(context.next_item(line, item), item) if now is None else _over(context, item, now)


def _over(context: PlanContext, item: ItemRecord, skip: str | None) -> Decision:
    """Leave an item that ended unpaid as it is."""
    if item.run_id == context.run_id:
        return Continue(item, skip)
    reason = skip if skip in SKIPS else TAKEN_BACK if came_back(item) else "closed_elsewhere"
    return Skip(item, reason, f"{SKIPS[reason].means}: {item.run_id}")


def _elsewhere(item: ItemRecord) -> Skip:
    reason = _held(item.state)
    return Skip(item, reason, f"{SKIPS[reason].means}: {item.run_id}")


def _held(state: StrEnum) -> str:
    if ended_empty(state):
        return "closed_elsewhere"
    return _HELD.get(life_of(state).meanings[state].group, "in_other_run")


_HELD = {Group.SUCCEEDED: "already_paid", Group.PROCESSING: "processing_elsewhere"}
# Why another run's item is left to it, by how that run reports it.


FIXED: dict[Group, str] = {
    # group of its state: what can be done about a line that the file says otherwise
    Group.SUCCEEDED: "what is {done} cannot be changed by editing a file: restore the line{undo}",
    Group.PROCESSING: "restore the line, and wait for its end with billing settle",
}
# What no amendment can touch: the money has moved, or may.


def fixed(state: StrEnum) -> tuple[str, str] | None:
    """Return what is said of an item that no amendment can touch, and what can be done; None where one can."""
    life = life_of(state)
    group = life.meanings[state].group
    if group not in FIXED:
        return None
    done, undo = life.word(Group.SUCCEEDED), RULES[life.kind].undo
    was = f"was {done}" if group is Group.SUCCEEDED else "is on its way to the bank"
    return was, FIXED[group].format(done=done, undo=f"; {undo}, and what is new has a new reference" if undo else "")


def _refuse(context: PlanContext, line: Item, item: ItemRecord, was: str, hint: str) -> Refuse:
    """Refuse a line, naming the difference between the file and the ledger field by field."""
    changes = ", ".join(f"{each.field} {each.old} -> {each.new}" for each in context.differences(line, item))
    message = f'reference "{line.reference}" {was} in run {item.run_id} with other content: {changes}'
    return Refuse("content_changed", message, hint, item)


def _refuse_elsewhere(context: PlanContext, line: Item, item: ItemRecord) -> Refuse:
    if (said := fixed(item.state)) is not None:
        return _refuse(context, line, item, said[0], "what is new has a new reference")
    hint = f'close it there first: billing cancel {item.run_id} --only "{item.reference}" --reason "..."'
    return _refuse(context, line, item, "was planned", hint)


def _refuse_back(context: PlanContext, line: Item, item: ItemRecord) -> Refuse:
    own = item.run_id == context.run_id
    hint = "add --amend to ask for it anew" if own else "change it in that run, or what is new has a new reference"
    return _refuse(context, line, item, "was paid and came back", hint)


def _refuse_frozen(context: PlanContext, line: Item, item: ItemRecord) -> Refuse:
    if item.run_id != context.run_id and not context.frozen:
        return _refuse(context, line, item, "was cancelled", "add --amend to take it up all the same")
    ended = reason.means if (reason := SKIPS.get(reason_of(item))) else "ended unpaid"
    if context.same(line, item):
        message = f'reference "{line.reference}" is not in run {context.run_id} any more: {ended}'
        return Refuse("not_planned", message, "add it again with --amend", item)
    return _refuse(context, line, item, f"({ended}) was planned", "add --amend to take it up as it stands now")
