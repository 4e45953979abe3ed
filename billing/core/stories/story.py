"""A story: what became of one line, as plain data that a terminal, a page and a program show alike.

Amounts are minor units with their currency, moments ISO 8601 in UTC; sentences have their amounts and days written out,
on the clocks of the run's zone. Ids only: no name, e-mail address or description is ever in a story.
"""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FORMAT_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Head:
    """Whose story it is.

    Attributes:
        reference, run, kind, mode, period, zone: of the line and its run.
        line: where it stands in the sheet, or 0 where that is not known.
        listed: whether the latest sheet still has it.
        account, customer: ids; empty where the line was set aside.
        amount, currency: minor units asked for; 0 and empty where no money moves.
        state, status: of the ledger, and of a report.
        word: what a person reads for that status.
        row: of the outturn (`billing.flow.outturn.ROWS`), by which pages choose icon and colour.
        payment: Stripe's object that fulfils it, or empty; ``object_name`` is what a person calls that.
        statement: what the customer's statement shows of it, as far as the line says so.
    """

    reference: str
    run: str
    kind: str
    mode: str
    period: str
    zone: str
    line: int
    listed: bool
    account: str
    customer: str
    amount: int
    currency: str
    state: str
    status: str
    word: str
    row: str
    payment: str = ""
    object_name: str = ""
    statement: str = ""


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """One amount of the line: ``code`` is a stable name, ``amount`` is negative where it leaves the account."""

    code: str
    words: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Money:
    """The money of the line.

    Attributes:
        rows: what was charged, and what became of it.
        reconciled: when the account was last read to its balance, or empty where it never was.
        says: sentences: what the rows do not tell.
        payouts: ids of the payouts that carry it to the account's bank.
    """

    rows: tuple[MoneyRow, ...] = ()
    reconciled: str = ""
    says: tuple[str, ...] = ()
    payouts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the ledger behind a step.

    Attributes:
        seq, at, event, attempt: as it is kept.
        run: whose it is.
        by: who carried that out, user and host, where the ledger says so.
        facts: its details, ids among them.
    """

    seq: int
    at: str
    event: str
    attempt: int
    run: str
    by: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """All of it that a person may want to look up, on one line."""
        words = [f"#{self.seq}", self.event, *([str(self.attempt)] if self.attempt > 1 else [])]
        told = [" ".join(words), *(str(self.facts[name]) for name in TOLD if self.facts.get(name))]
        told += [name for name in FLAGS if self.facts.get(name)]
        return " \N{MIDDLE DOT} ".join(dict.fromkeys(told))


TOLD = (
    "object_id", "instrument_id", "charge", "refund", "dispute", "setup_intent", "payment_intent", "payment_method",
    "method", "clone", "connected_customer", "first_invoice", "subscription_status", "refund_status", "payout", "op",
    "reason_code", "lost", "remedy", "advice_code", "network_decline_code", "request_id",
)  # fmt: skip
# Facts that stand in the line of a record, in this order: ids, then codes, then who said so.
FLAGS = ("adopted", "rebuilt")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened.

    Attributes:
        at: when; steps ascend.
        title, says: in words; ``says`` are sentences.
        tone: of an icon (`billing.core.tones.Tone`, or ``warn``); empty for a step without one.
        turning: whether the line stands otherwise after it; the others are details.
        record: the entries behind it; none for what only the comparison with Stripe has found.
        ids: ids of Stripe behind it that no entry has.
    """

    at: str
    title: str
    says: tuple[str, ...]
    tone: str
    turning: bool
    record: tuple[Record, ...] = ()
    ids: tuple[str, ...] = ()

    @property
    def who(self) -> tuple[str, ...]:
        """Who carried it out, as far as the ledger says so."""
        return tuple(dict.fromkeys(each.by for each in self.record if each.by))

    @property
    def lines(self) -> tuple[str, ...]:
        """The record, a line for each entry, and who."""
        found = [each.line for each in self.record] + list(self.ids)
        return (*found, f"by {', '.join(self.who)}") if self.who else tuple(found)


@dataclass(frozen=True, slots=True)
class Command:
    """A command that helps: its name, its arguments, and options by their names (``True`` for one without a value)."""

    name: str
    arguments: tuple[str, ...] = ()
    options: Mapping[str, str | bool] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The command line, where neither ledger nor settings have to be named."""
        words = ["billing", *self.name.split(), *self.arguments]
        for name, value in self.options.items():
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
        return " ".join(map(shlex.quote, words))


@dataclass(frozen=True, slots=True)
class Todo:
    """What may be done next: nothing is left to be done where the title says so."""

    title: str
    says: str
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """Where the same reference stands as well: another period, another kind of run, or a line that was left out.

    ``row`` is as in `Head`; ``command`` tells of that one.
    """

    run: str
    period: str
    kind: str
    says: str
    row: str
    command: Command


@dataclass(frozen=True, slots=True)
class Story:
    """All of it.

    Attributes:
        answer: a few sentences, the first of which says where the line stands.
        steps: what happened, in order.
        todo: what may be done next.
        beside: where the same reference stands as well.
        entries: how many entries of the ledger are told.
    """

    head: Head
    answer: tuple[str, ...]
    money: Money
    steps: tuple[Step, ...]
    todo: Todo
    beside: tuple[Beside, ...] = ()

    @property
    def entries(self) -> int:
        """How many entries of the ledger it tells."""
        return sum(len(step.record) for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """Return it as a program reads it."""
        found = {"format_version": FORMAT_VERSION, **asdict(self)}
        for each, todo in ((found["todo"], self.todo),):
            each["commands"] = [command.text for command in todo.commands]
        for each, other in zip(found["beside"], self.beside, strict=True):
            each["command"] = other.command.text
        return found
