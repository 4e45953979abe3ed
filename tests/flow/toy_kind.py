"""A kind that no release has, by the walk of `.github/CONTRIBUTING.md`: a platform's customer, copied to an account.

Each part stands in the order of the walk. Nothing of the program is told of it but its registries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from billing.core import keys, kinds
from billing.core.calls import Call, Op, Reads
from billing.core.entries import Facts, ItemRecord, Move, Note
from billing.core.facts import named, shared
from billing.core.findings import Findings
from billing.core.item_rules import Difference, ItemRules
from billing.core.items import Kind
from billing.core.keys import length_prefixed, sha256
from billing.core.kinds import columns, facts, rules
from billing.core.life import Edge, Group, Life, Meaning, OnRecord, Phase
from billing.core.money import Money
from billing.core.outcomes import Expected, Halt, Lost, Made, Outcome, Refused, Unsent
from billing.core.replies import Reply
from billing.core.report_columns import ReportColumns
from billing.edge.ledger import kind_rows
from billing.edge.ledger import rows as ledger_rows
from billing.edge.runfiles import opening
from billing.edge.runfiles.amounts import Amounts
from billing.edge.runfiles.fields import ACCOUNT, CUSTOMER, read_reference
from billing.edge.runfiles.schema import Column, Schema, id_column
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.engine.context import Halted, ItemContext, Requeue, StillUnresolved, key_facts, key_number
from billing.flow.engine.flow import Flow, Steps
from billing.flow.engine.goals import RESTS, Goal
from billing.flow.kinds import registry
from billing.flow.planning.planned import NOTHING_EXAMINED
from billing.flow.planning.preflight import Elsewhere, LookedUp, Planning, Preflight

COPY = str.__new__(Kind, "copy")
COPY._name_, COPY._value_ = "COPY", "copy"
# An enumeration has no room for a member of a test's.


@dataclass(frozen=True, slots=True)
class Copy:
    """What a line asks for: the customer, known on the account for purchases up to an amount."""

    reference: str
    account: str
    payer: str
    amount: Money


# --- core/kinds: its life, its request and its facts


class State(StrEnum):
    PLANNED = "planned"
    COPYING = "copying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


class Event(StrEnum):
    ITEM_SKIPPED = "item_skipped"
    COPY_STARTED = "copy_started"
    COPIED = "copied"
    COPY_REFUSED = "copy_refused"


COPY_LIFE = Life(
    kind=COPY,
    states=State,
    events=Event,
    edges={
        (State.PLANNED, Event.ITEM_SKIPPED): Edge(State.SKIPPED, "the plan said so", object=OnRecord.FORBIDS),
        (State.PLANNED, Event.COPY_STARTED): Edge(State.COPYING, "the only attempt", attempt=True),
        (State.COPYING, Event.COPIED): Edge(State.SUCCEEDED, "the answer names it", object=OnRecord.NEEDS),
        (State.COPYING, Event.COPY_REFUSED): Edge(State.FAILED, "refused for good", object=OnRecord.FORBIDS),
    },
    meanings={
        State.PLANNED: Meaning("nothing sent", Phase.WAITING, Group.PENDING, "begin"),
        State.COPYING: Meaning("the request may be in flight", Phase.LOOKING, Group.UNKNOWN, "the same again"),
        State.SUCCEEDED: Meaning("there", Phase.FINAL, Group.SUCCEEDED, "nothing"),
        State.FAILED: Meaning("not there", Phase.FINAL, Group.FAILED, "nothing"),
        State.SKIPPED: Meaning("never started", Phase.FINAL, Group.SKIPPED, "nothing"),
    },
    reopens=frozenset({State.FAILED, State.SKIPPED}),
    words={Group.SUCCEEDED: "copied"},
    noun="copies",
)
MAKE = Op("copy", starts=True, single=True)


COPY_FACTS = (
    *(shared(name, Event.COPY_REFUSED) for name in ("group", "reason_code", "reason")),
    *(shared(name, Event.COPY_STARTED) for name in ("{op}_n", "{op}_born")),
)


# --- core/kinds: its rules and its columns


def _digest(item: Copy) -> str:
    return sha256(length_prefixed((item.account, item.payer, item.amount.minor, item.amount.currency))).hexdigest()


def _differences(item: Copy, record: ItemRecord) -> tuple[Difference, ...]:
    pairs = (("account", record.account, item.account), ("amount", str(record.amount), str(item.amount.minor)))
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])


def _content(item: Copy, _found: Facts) -> Facts:
    return {"customer": item.payer}


def _found(_findings: Findings, _item: Copy) -> Mapping[str, str]:
    return {}


def _unusable(_findings: Findings, _item: Copy, _blocked: Mapping[str, str]) -> str | None:
    return None


COPY_RULES = ItemRules(
    digest=_digest, content=_content, differences=_differences, found=_found, finds=(), unusable=_unusable, skips={}
)
COPY_COLUMNS = ReportColumns(
    ids={"connected_customer": lambda item: item.object_id or ""}, own={}, amounts=(), untold={}
)


# --- edge/runfiles/schemas: its columns


def _money(_defaults: Any, decimal: str) -> Any:
    amounts = Amounts(decimal)

    def read(cells: tuple[str, ...]) -> tuple[int, str]:
        currency = amounts.currency(cells[1])
        return amounts.needed(("most", ""), (cells[0], ""), currency), currency

    return read


def _copy(reference: str, account: str, customer: str, amount: int, currency: str) -> Copy:
    return Copy(reference, account, customer, Money(amount, currency))


COPIES = Schema(
    kind=COPY,
    word="copies",
    columns=(Column("reference", read_reference, required=True), id_column("account", ACCOUNT, required=True),
             id_column("customer", CUSTOMER, required=True), Column("most"), Column("currency", required=True)),
    amounts=("most",),
    money=_money,
    build=_copy,
    tells=frozenset({"most"}),
)  # fmt: skip


# --- edge/stripe/calls, core/objects: its request, and what an answer shows


def _made(reply: Reply, _expected: Expected) -> Outcome:
    body = reply.body or {}
    return Made(body["id"], reply=reply) if body.get("object") == "customer" else Lost(False, reply=reply)


def make_copy(item: ItemRecord) -> Call:
    """Create the customer on the item's account."""
    params = {"metadata": {"billing_item": item.item_id, "customer": item.content["customer"]}}
    return Call(MAKE, "/v1/customers", params, Reads(_made))


# --- flow/kinds: its steps, and what planning it takes


async def begin(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    return await ctx.record(item, Move(Event.COPY_STARTED, attempt=1, facts=key_facts(MAKE, 0, ctx.services)))


async def make(ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    ctx.spend(item.state, item)
    match await ctx.send(item, make_copy(item), key_number(item, MAKE)):
        case Made(object_id=made):
            return await ctx.record(item, Move(Event.COPIED, object_id=made))
        case Refused(code=code, message=message):
            why = {"group": "failed", "reason_code": code, "reason": message}
            return await ctx.record(item, Move(Event.COPY_REFUSED, facts=why))
        case Unsent() as unsent:
            raise Requeue(item, unsent)
        case Halt() as halt:
            raise Halted(halt)
        case _:
            return item  # the same request, under the same key


async def _left(_ctx: ItemContext, item: ItemRecord) -> ItemRecord:
    raise StillUnresolved(item)


STEPS: Steps = {State.PLANNED: begin, State.COPYING: make}


async def _nothing_to_look_up(*_: Any) -> LookedUp:
    return LookedUp()


async def _nothing_elsewhere(*_: Any) -> Elsewhere:
    return Elsewhere()


COPY_FLOW = Flow(
    life=COPY_LIFE,
    steps={Goal.RUN: STEPS, Goal.SWEEP: STEPS, Goal.RESOLVE: STEPS, Goal.SETTLE: {}},
    closing=lambda _why: dict.fromkeys(State, _left),
    rests=lambda goal, item: COPY_LIFE.phase(item.state) in RESTS[goal],
    waits_for_customer=lambda _item: False,
    rounds=(1,),
    look_up=lambda _services, _items: None,
)
COPY_PLANNING = Planning(_nothing_to_look_up, dict.fromkeys(Preflight, NOTHING_EXAMINED), _nothing_elsewhere)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter the kind into every registry there is, for one test.

    What the program makes of the registries and of the enumeration when it starts is made here once more.
    """
    names = {str(name): name for names in (Event, Note) for name in names}
    monkeypatch.setitem(keys._KIND_IN_IDS, COPY, ("copy",))
    monkeypatch.setitem(kind_rows.KNOWN, "copy", kind_rows.rows_of(COPY_LIFE))
    monkeypatch.setitem(ledger_rows._NAMES, COPY, names)
    monkeypatch.setitem(Kind._value2member_map_, "copy", COPY)
    monkeypatch.setitem(kinds.LIVES, COPY, COPY_LIFE)
    monkeypatch.setitem(kinds._BY_STATES, State, COPY_LIFE)
    monkeypatch.setitem(facts.FACTS, COPY, named(COPY_FACTS, (MAKE,)))
    monkeypatch.setitem(rules.RULES, COPY, COPY_RULES)
    monkeypatch.setitem(columns.COLUMNS, COPY, COPY_COLUMNS)
    monkeypatch.setattr(opening, "SCHEMAS", (*SCHEMAS, COPIES))
    monkeypatch.setitem(registry.FLOWS, COPY, COPY_FLOW)
    monkeypatch.setitem(registry.PLANNINGS, COPY, COPY_PLANNING)
