"""One item's way through the protocol in this process: what it may still spend, and how it may end early."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from typing import Any, NoReturn

from billing.core.calls import Call, Op
from billing.core.entries import ItemRecord, Move, Note
from billing.core.errors import LedgerError
from billing.core.exits import Exit
from billing.core.items import NOBODY
from billing.core.kinds import is_planned, phase_of
from billing.core.life import Group, Life, Phase
from billing.core.outcomes import Halt, Outcome, Refused, Unsent
from billing.core.policies import Policies
from billing.edge.ledger import Kept, LostRace
from billing.edge.stripe.resend import resend
from billing.flow.engine.listed import Reader
from billing.flow.engine.standing import Reach
from billing.flow.services import Services

ROUNDS = 3
# How often one visit may send from one state before the item is left for `resolve`: a poison item must not hold up the
# others. Reads have the same budget. (flow/kinds/charge/README.md, "Killed where, and then")

REPLAY_SECONDS = 23 * 3600.0
# Stripe may forget a key once it is 24 h old and would then run the request again. One hour of margin covers clock
# skew and the longest request. (docs.stripe.com/api/idempotent_requests)

PASSING = frozenset({Phase.PREPARING, Phase.MONEY, Phase.CLOSING})


def is_on_the_way(state: StrEnum) -> bool:
    """Tell whether an item passes through a state within seconds when all goes well.

    Three log lines a charge said less than one.
    """
    return phase_of(state) in PASSING or (phase_of(state) is Phase.WAITING and not is_planned(state))


class Requeue(Exception):
    """The request certainly was not executed: the item goes back to the head of its queue."""

    def __init__(self, item: ItemRecord, unsent: Unsent) -> None:
        super().__init__(f"{item.item_id} was not sent")
        self.item = item
        self.unsent = unsent


class StillUnresolved(Exception):
    """The budget of this visit is spent; the ledger holds all that is known, and `resolve` goes on from there."""

    def __init__(self, item: ItemRecord) -> None:
        super().__init__(f"{item.item_id} is left {item.state}")
        self.item = item


class Halted(Exception):
    """An answer that no item may survive: the whole run stops, with this exit code."""

    def __init__(self, halt: Halt) -> None:
        super().__init__(halt.message)
        self.exit_code: Exit = halt.exit


Keeps = Callable[[Services, ItemRecord, Sequence[Move]], Kept]
# From an item and what is about to be recorded of it to what is kept beside that.


def nothing_kept(_services: Services, _item: ItemRecord, _moves: Sequence[Move]) -> Kept:
    """Keep nothing: what most kinds do."""
    return {}


@dataclass(slots=True)
class ItemContext:
    """What one item may still spend in this process.

    Attributes:
        services: what the flow works with.
        policies: of the run.
        keeps: what is kept in the same commit as moves, as the item's kind says.
        rounds: how often it has sent, by the state it sent from.
        dead_account: why the account refuses everything, once an answer said so: Stripe's code.
        dead_words: the same in Stripe's words.
        alive: whether nothing speaks against starting the account's next items.
        closes: the item is being closed unpaid: nothing is confirmed any more.
        reader: what lists show of this item's object, as long as this visit has sent nothing that they would not show.
    """

    services: Services
    policies: Policies = field(default_factory=Policies)
    keeps: Keeps = nothing_kept
    rounds: defaultdict[StrEnum, int] = field(default_factory=lambda: defaultdict(int))
    dead_account: str = ""
    dead_words: str = ""
    alive: bool = True
    closes: bool = False
    reader: Reader | None = None

    def personal(self, item: ItemRecord) -> Mapping[str, str]:
        """Return who an item is about, by the names of the file's columns: for a request, and for nothing else.

        Empty without the run file: what needs it then waits until the run is carried out again.
        """
        return dict(self.services.people.get(item.reference, NOBODY).values)

    async def set_aside(self, item: ItemRecord, refused: Refused, reach: Reach, *moves: Move) -> NoReturn:
        """Leave an item where it is that its account refused, or may have: it is closed by nothing and goes on later.

        Args:
            item: the item.
            refused: what was said of it.
            reach: whose the refusal is; a stored one says nothing of the account as it is now.
            moves: what is recorded with it.

        Raises:
            StillUnresolved: always.
        """
        self.alive = False
        if reach is Reach.ACCOUNT and not refused.replayed:
            self.dead_account, self.dead_words = refused.code, refused.message
        facts = waits_for_account(item.account, refused.code, refused.message)
        raise StillUnresolved(await self.record(item, *moves, Move(Note.SET_ASIDE, facts=facts)))

    async def contradicted(self, item: ItemRecord, halt: Halt, *moves: Move) -> NoReturn:
        """Stop the run; an item that an answer contradicts is parked first, so that the next start goes on without it.

        Args:
            item: the item.
            halt: what stops the run.
            moves: what is recorded of an item that is contradicted, the last of them with the reason.

        Raises:
            Halted: the first time.
            StillUnresolved: it was contradicted before, and a person knows.
        """
        if halt.exit is not Exit.STOPPED:
            raise Halted(halt)
        before = item.facts.get("reason_code")
        *first, last = moves or (Move(Note.SET_ASIDE),)
        facts = {**last.facts, **CONTRADICTED, "reason": halt.message, "request_id": halt.reply.request_id}
        if moves or before != CONTRADICTED["reason_code"]:
            item = await self.record(item, *first, Move(last.name, facts=facts))
        if before == CONTRADICTED["reason_code"]:
            raise StillUnresolved(item)
        raise Halted(replace(halt, message=f"{item.reference}: {halt.message}"))

    async def record(self, item: ItemRecord, *moves: Move) -> ItemRecord:
        """Append durably, then tell the log what became of the item: where it rests, and on debug each step to there.

        Raises:
            LedgerError: the commit failed; in the same moment the door to the provider is shut for everybody.
        """
        try:
            keep = self.keeps(self.services, item, moves)
            after = await self.services.ledger.record(item, *moves, keep=keep)
        except LedgerError as broken:
            self.services.gateway.shut(str(broken))
            raise
        if not is_on_the_way(after.state) or self.services.logs_steps:
            self._tell(after, moves)
        return after

    async def record_beside(
        self, item: ItemRecord, moves: Sequence[Move], beside: Sequence[tuple[ItemRecord, Sequence[Move]]]
    ) -> ItemRecord:
        """Record an item's moves and, in the same commit, what they mean for other items: all of it or nothing.

        Raises:
            LostRace: the item moved meanwhile.
            StillUnresolved: one of the others did; the item is as it was.
            LedgerError: as for `record`.
        """
        if not beside:
            return await self.record(item, *moves)
        try:
            after, *_ = await self.services.ledger.record_all([(item, moves), *beside])
        except LostRace as race:
            if race.item.item_id == item.item_id:
                raise
            raise StillUnresolved(item) from None
        except LedgerError as broken:
            self.services.gateway.shut(str(broken))
            raise
        self._tell(after, moves)
        return after

    def _tell(self, after: ItemRecord, moves: Sequence[Move]) -> None:
        self.services.log(
            "item_step" if is_on_the_way(after.state) else "item_moved",
            run=after.run_id,
            reference=after.reference,
            account=after.account,
            attempt=after.attempt,
            moves=[str(move.name) for move in moves],
            state=str(after.state),
            request_id=after.facts.get("request_id", ""),
        )

    async def send(self, item: ItemRecord, call: Call, number: int = 0) -> Outcome:
        """Return what a list shows in place of a first read; else send the call.

        It is sent again under its own key, within what the process may repeat at all; a decisive one once.
        """
        reader, self.reader = self.reader, None
        shown = None if reader is None else await reader.read(item, call)
        if shown is not None:
            return self.services.gateway.understood(item, call, shown)
        once = partial(self.services.gateway.send, item, call, number)
        return await (once() if call.op.decisive else resend(once, self.services.gateway.repeats))

    def spent(self, state: StrEnum) -> bool:
        """Tell whether no further round may be sent from ``state``."""
        return self.rounds[state] >= ROUNDS

    def spend(self, state: StrEnum, item: ItemRecord) -> None:
        """Take one round of ``state`` from the budget.

        Raises:
            StillUnresolved: none is left.
        """
        if self.spent(state):
            raise StillUnresolved(item)
        self.rounds[state] += 1


def skipped(life: Life, code: str, reason: str) -> Move:
    """Return the entry of an item that is never started."""
    return Move(life.skip, facts={"group": str(Group.SKIPPED), "reason_code": code, "reason": reason})


def key_facts(op: Op, number: int, services: Services) -> dict[str, Any]:
    """Return the facts that remember a key: its number, and when it was first sent by the provider's clock."""
    return {f"{op}_n": number, f"{op}_born": int(services.clock.epoch())}


def key_number(item: ItemRecord, op: Op) -> int:
    """Return the number of the key that the next request of ``op`` carries."""
    return int(item.facts.get(f"{op}_n", 0))


def key_outlived(item: ItemRecord, op: Op, services: Services) -> bool:
    """Tell whether Stripe may have forgotten the key of ``op``."""
    born = item.facts.get(f"{op}_born")
    return born is not None and services.clock.epoch() - float(born) > REPLAY_SECONDS


def renewal(item: ItemRecord, op: Op, services: Services) -> Move:
    """Return the note that makes the next request of ``op`` carry the next key number."""
    return Move(Note.KEY_RENEWED, facts={"op": str(op), **key_facts(op, key_number(item, op) + 1, services)})


def waits_for_account(account: str, code: str, words: str) -> dict[str, Any]:
    """Return what is written of an item that waits until its account takes requests again."""
    return {
        "reason_code": code,
        "reason": f"{account} refuses: {words or code}",
        "what_to_do": "Have the account put right in Stripe; then the same command goes on with it.",
    }


CONTRADICTED: Mapping[str, Any] = {
    "group": str(Group.PARKED),
    "reason_code": "contradicted",
    "what_to_do": "Compare the payment in Stripe with the line: something else has changed one of them.",
}
# Of an item that an answer contradicts. Whoever takes it up again and hears the same leaves it, and stops nothing.

NO_TROUBLE: Mapping[str, Any] = {
    "group": None,
    "reason_code": None,
    "reason": None,
    "what_to_do": None,
    "remedy": None,
    "next_try": None,
}
# Written with a success, so that the refusal of an earlier attempt does not stand beside it.
