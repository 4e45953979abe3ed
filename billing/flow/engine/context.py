"""One item's way through the protocol in this process: what it may still spend, and how it may end early."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from billing.core.entries import Known, Move, Note
from billing.core.errors import LedgerError
from billing.core.exits import Exit
from billing.core.keys import Op
from billing.core.outcomes import Halt, Outcome, Refused, Unsent
from billing.core.policies import Dunning
from billing.core.states import Event, Group, State
from billing.edge.stripe.resend import resend
from billing.flow.engine.standing import Reach
from billing.flow.services import Desk

ROUNDS = 3
# How often one trip may send from one state before the item is left for `resolve`: a poison item must not hold up the
# others (catalogue R3). Reads have the same budget.

REPLAY_SECONDS = 23 * 3600.0
# Stripe may forget a key once it is 24 h old and would then run the request again. One hour of margin covers clock
# skew and the longest request. (docs.stripe.com/api/idempotent_requests)

ON_THE_WAY = frozenset({State.PREPARING, State.READY, State.CONFIRMING, State.CANCELLING})
# States that an item passes through within seconds when all goes well: three log lines a charge said less than one.


class PutBack(Exception):
    """The request certainly was not executed: the item goes back to the head of its lane."""

    def __init__(self, known: Known, unsent: Unsent) -> None:
        super().__init__(f"{known.item} was not sent")
        self.known = known
        self.unsent = unsent


class LeftAsItIs(Exception):
    """The budget of this trip is spent; the ledger holds all that is known, and `resolve` goes on from there."""

    def __init__(self, known: Known) -> None:
        super().__init__(f"{known.item} is left {known.state}")
        self.known = known


class Halted(Exception):
    """An answer that no item may survive: the whole run stops, with this exit code."""

    def __init__(self, halt: Halt) -> None:
        super().__init__(halt.message)
        self.exit_code: Exit = halt.exit


@dataclass(slots=True)
class Trip:
    """What one item may still spend in this process.

    Attributes:
        desk: what the flow works with.
        dunning: decides whether an attempt that took nothing rests or is fenced.
        rounds: how often it has sent, by the state it sent from.
        dead_account: why the account refuses everything, once an answer said so: Stripe's code.
        dead_words: the same in Stripe's words.
        alive: whether nothing speaks against starting the account's next items.
        closes: the item is being closed unpaid: nothing is confirmed any more.
    """

    desk: Desk
    dunning: Dunning = field(default_factory=Dunning)
    rounds: defaultdict[State, int] = field(default_factory=lambda: defaultdict(int))
    dead_account: str = ""
    dead_words: str = ""
    alive: bool = True
    closes: bool = False

    async def set_aside(self, known: Known, refused: Refused, reach: Reach, *moves: Move) -> NoReturn:
        """Leave an item where it is that its account refused, or may have: it is closed by nothing and goes on later.

        Args:
            known: the item.
            refused: what was said of it.
            reach: whose the refusal is; a stored one says nothing of the account as it is now.
            moves: what is recorded with it.

        Raises:
            LeftAsItIs: always.
        """
        self.alive = False
        if reach is Reach.ACCOUNT and not refused.replayed:
            self.dead_account, self.dead_words = refused.code, refused.message
        facts = waits_for_account(known.account, refused.code, refused.message)
        raise LeftAsItIs(await self.record(known, *moves, Move(Note.SET_ASIDE, facts=facts)))

    async def contradicted(self, known: Known, halt: Halt, *moves: Move) -> NoReturn:
        """Stop the run; an item that an answer contradicts is parked first, so that the next start goes on without it.

        Args:
            known: the item.
            halt: what stops the run.
            moves: what is recorded of an item that is contradicted, the last of them with the reason.

        Raises:
            Halted: the first time.
            LeftAsItIs: it was contradicted before, and a person knows.
        """
        if halt.exit is not Exit.STOPPED:
            raise Halted(halt)
        before = known.facts.get("reason_code")
        *first, last = moves or (Move(Note.SET_ASIDE),)
        facts = {**last.facts, **CONTRADICTED, "reason": halt.message, "request_id": halt.reply.request_id}
        if moves or before != CONTRADICTED["reason_code"]:
            known = await self.record(known, *first, Move(last.name, facts=facts))
        if before == CONTRADICTED["reason_code"]:
            raise LeftAsItIs(known)
        raise Halted(replace(halt, message=f"{known.reference}: {halt.message}"))

    async def record(self, known: Known, *moves: Move) -> Known:
        """Append durably, then tell the log what became of the item: where it rests, and on debug each step to there.

        Raises:
            LedgerError: the commit failed; in the same moment the door to the provider is shut for everybody.
        """
        try:
            for move in moves:
                if move.facts.get("blocks_card"):  # first: a kill in between would let another item try the card
                    await self.desk.blocks.remember(known, str(move.facts.get("reason_code", "")))
            after = await self.desk.ledger.record(known, *moves)
        except LedgerError as broken:
            self.desk.gateway.shut(str(broken))
            raise
        if after.state not in ON_THE_WAY or self.desk.tells_steps:
            self._tell(after, moves)
        return after

    def _tell(self, after: Known, moves: Sequence[Move]) -> None:
        self.desk.log(
            "item_step" if after.state in ON_THE_WAY else "item_moved",
            run=after.run_id,
            reference=after.reference,
            account=after.account,
            attempt=after.attempt,
            moves=[str(move.name) for move in moves],
            state=str(after.state),
            request_id=after.facts.get("request_id", ""),
        )

    def resend(self, send: Callable[[], Awaitable[Outcome]]) -> Coroutine[Any, Any, Outcome]:
        """Send a request that may be repeated under its own key, within what the process may repeat at all."""
        return resend(send, self.desk.gateway.repeats)

    def spent(self, state: State) -> bool:
        """Tell whether no further round may be sent from ``state``."""
        return self.rounds[state] >= ROUNDS

    def spend(self, state: State, known: Known) -> None:
        """Take one round of ``state`` from the budget.

        Raises:
            LeftAsItIs: none is left.
        """
        if self.spent(state):
            raise LeftAsItIs(known)
        self.rounds[state] += 1


def skipped(code: str, reason: str) -> Move:
    """Return the entry of an item that is never started."""
    return Move(Event.ITEM_SKIPPED, facts={"group": str(Group.SKIPPED), "reason_code": code, "reason": reason})


def key_facts(op: Op, number: int, desk: Desk) -> dict[str, Any]:
    """Return the facts that remember a key: its number, and when it was first sent by the provider's clock."""
    return {f"{op}_n": number, f"{op}_born": int(desk.clock.epoch())}


def key_number(known: Known, op: Op) -> int:
    """Return the number of the key that the next request of ``op`` carries."""
    return int(known.facts.get(f"{op}_n", 0))


def key_outlived(known: Known, op: Op, desk: Desk) -> bool:
    """Tell whether Stripe may have forgotten the key of ``op``."""
    born = known.facts.get(f"{op}_born")
    return born is not None and desk.clock.epoch() - float(born) > REPLAY_SECONDS


def renewal(known: Known, op: Op, desk: Desk) -> Move:
    """Return the note that makes the next request of ``op`` carry the next key number."""
    return Move(Note.KEY_RENEWED, facts={"op": str(op), **key_facts(op, key_number(known, op) + 1, desk)})


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
