"""A worker's side of the shared budget: asks when requests wait, and hands out what was promised when it is due.

Whatever has happened to the database, nothing is raised into a request: without an answer there is no token, and
requests wait. When there has been none for a minute, whoever runs is told once, and ends as with a broken ledger.
"""

import asyncio
import math
import random
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from typing import Protocol

from billing.edge.pacing.admission import Turns
from billing.edge.pacing.limit_owner import Doubt
from billing.edge.pacing.pacer import LONGEST_RETRY_AFTER, Pacer
from billing.edge.pacing.shared.asking import KEY, Answer, Ask, Begin, Refusal, Token
from billing.edge.pacing.shared.clock import DatabaseClock
from billing.edge.pacing.shared.pace import EndpointPace, KeyPace, Promised

LATE_SECONDS = 0.025
# After which a token is thrown away: used later, it would be one too many of another second.
EARLY_SECONDS, ALONG_SECONDS = 0.03, 0.25
# Before the last token in hand is due, more are asked for; and for other endpoints in the same transaction before.
MOST_WANTED = 100
# Requests that an ask names.
SPREAD_SECONDS = 0.05
# Workers that were told the same time to come back spread over so much.
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0
# Seconds before the database is tried again, doubling.
PATIENCE = 60.0
# Seconds without an answer from the database after which whoever runs ends.
REMEMBERED_TURNS = 4096
# Times of turns whose tokens are remembered, for refusals that come later.
CHANGE = 0.01
# Share by which an account's rate must have moved to be told again.


class Rows(Protocol):
    """Where the budget is kept."""

    clock: DatabaseClock
    transactions: int

    async def ask(self, ask: Ask) -> Answer: ...

    async def aclose(self) -> None: ...


class Accounts(Protocol):
    """The limiters of connected accounts, which each worker has for itself."""

    def names(self) -> Collection[str]:
        """Return the accounts that this worker sends to."""

    def pacer(self, name: str) -> Pacer:
        """Return the pacer of an account."""

    def tell(self, name: str, rate: float) -> None:
        """Let an account of which nothing is known begin at what another worker has found."""

    def acquit(self, name: str, rate: float) -> None:
        """Give an account its rate back."""


class Budget:
    """The budget of one platform in one mode, as one worker uses it. Use one per event loop.

    Attributes:
        released: nothing leaves any more, so nobody waits.
    """

    def __init__(self, rows: Rows, worker: str, lost: Callable[[str], None]) -> None:
        """Begin with nothing.

        Args:
            rows: where the budget is kept.
            worker: a name that no other worker has.
            lost: is told once that the database does not answer any more, and why.
        """
        self._rows, self._worker, self._lost = rows, worker, lost
        self.released = False
        self._endpoints: list[EndpointPace] = []
        self._limiters: dict[str, Begin] = {}
        self._sent: OrderedDict[float, float] = OrderedDict()
        self._news = News()
        self._reported: dict[str, float] = {}
        self._heard = 0.0
        self._down = False
        self._again = -math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        self._task: asyncio.Task[None] | None = None

    def attach(self, turns: Turns, accounts: Accounts) -> None:
        """Serve a queue, and accounts."""
        self._turns, self._accounts = turns, accounts

    def key(self, begin: Begin) -> KeyPace:
        """Return what stands for the key's pacer."""
        self._limiters[KEY] = begin
        self._key = KeyPace(begin, self._refused, self, self._endpoints)
        return self._key

    def endpoint(self, endpoint: str, begin: Begin) -> EndpointPace:
        """Return what stands for an endpoint's pacer."""
        pace = EndpointPace(endpoint, begin, self._refused, self, self._used)
        self._limiters[pace.name] = begin
        self._endpoints.append(pace)
        return pace

    def meet(self, account: str) -> None:
        """Ask what others have found out of an account, as soon as a token is asked for."""
        self._news.unknown.append(account)

    def doubt(self, doubt: Doubt, retry_after: float | None) -> None:
        """Let all workers weigh a refusal that may be an account's own or the key's."""
        there = self._there(doubt.sent_at)
        self._news.doubts.append((Doubt(doubt.account, there, doubt.before, doubt.explained), retry_after))
        self._news.slowed.add(doubt.account)
        self._ask_now()

    def slowed(self, account: str) -> None:
        """Tell others of an account's own limit, once it is found."""
        self._news.slowed.add(account)

    def provider(self, *, down: bool) -> None:
        """Hold all workers back while the provider is down, and let them go when it is back."""
        if down and not self._down:
            self._throw_away(math.inf)
            self._turns.send_back()
        self._down = self._news.down = down
        self._ask_now()

    def expire(self, now: float) -> None:
        """Throw away tokens whose time has passed: after a pause of this process, or a slow answer."""
        for pace in self._endpoints:
            if pace.hand and pace.hand[0].late < now:
                self._news.unsent += pace.drop(now)

    def look(self, now: float) -> None:
        """Ask for more if requests wait for which no token is in hand; the queue says when to look."""
        if self._task is not None or self.released:
            return
        if now < self._again:
            self._wake(self._again)
        elif self._wanted(now, self._early):
            self._ask_now()
        else:
            self._wake(self._turns.ready(now))

    def release(self) -> None:
        """Let everybody go who waits: nothing can leave any more."""
        self.released = True
        self._turns.send_back()

    async def aclose(self) -> None:
        """Ask nothing any more."""
        self.released = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._rows.aclose()

    @property
    def _early(self) -> float:
        """Seconds before the last token in hand is due, at which more are asked for."""
        return max(EARLY_SECONDS, self._rows.clock.lead)

    def _wanted(self, now: float, early: float) -> list[str]:
        """Return the endpoint of each request that no token in hand is for, where the last of those is due soon."""
        in_hand = Counter({pace.name: len(pace.hand) for pace in self._endpoints})
        later = {pace.name for pace in self._endpoints if pace.hand and pace.hand[-1].due > now + early}
        wanted: list[str] = []
        for gate in self._turns.wanted(now, MOST_WANTED):
            if isinstance(pace := gate.pacer, EndpointPace) and pace.name not in later:
                if in_hand[pace.name] > 0:
                    in_hand[pace.name] -= 1
                else:
                    wanted.append(pace.endpoint)
        return wanted

    def _ask_now(self) -> None:
        if self._task is None and not self.released:
            self._task = asyncio.get_running_loop().create_task(self._pump())
            self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._lost(f"{type(error).__name__}: {error}")
        self.look(asyncio.get_running_loop().time())

    async def _pump(self) -> None:
        """Ask until nothing is left to ask for now."""
        loop = asyncio.get_running_loop()
        pause, silent_since = FIRST_PAUSE, loop.time()
        while (ask := self._next_ask(loop.time())) is not None:
            try:
                answer = await self._rows.ask(ask)
            except OSError as error:
                if loop.time() - silent_since > PATIENCE:
                    self._lost(str(error))
                    return
                self._news.keep(ask)
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  spreads, hides nothing
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                pause, silent_since = FIRST_PAUSE, loop.time()
                self._hear(answer, loop.time())

    def _next_ask(self, now: float) -> Ask | None:
        """Return what to ask now, if there is anything."""
        news, may_want = self._news, now >= self._again
        wanted = self._wanted(now, self._early) if may_want else []
        if self.released or not (wanted or news.urgent):
            return None
        self._news = News()
        return Ask(
            self._worker,
            self._wanted(now, ALONG_SECONDS) if wanted else (),
            self._rows.clock.lead,
            self._limiters,
            news.refusals,
            news.doubts,
            news.unsent,
            len(self._accounts.names()),
            self._found(news),
            news.unknown,
            news.down,
            self._down,
            self._heard,
        )

    def _found(self, news: "News") -> dict[str, float]:
        """Return what was found out of accounts that were slowed; those still measured are looked at again."""
        found: dict[str, float] = {}
        for account in news.slowed:
            rate = self._accounts.pacer(account).learned
            if rate is None:
                self._news.slowed.add(account)
            elif abs(rate - self._reported.get(account, 0.0)) > CHANGE * rate:
                found[account] = self._reported[account] = rate
        return found

    def _hear(self, answer: Answer, now: float) -> None:
        """Take what was promised in hand, and learn what others have found."""
        self._heard = answer.now
        for pace in (self._key, *self._endpoints):
            pace.seen = answer.pacers.get(pace.name, pace.seen)
        for account, rate in answer.known.items():
            self._accounts.tell(account, rate)
        for account, rate in answer.acquitted.items():
            self._accounts.acquit(account, rate)
        self._take_in_hand(answer.tokens, now)
        spread = random.uniform(0.0, SPREAD_SECONDS)  # noqa: S311  spreads, hides nothing
        self._again = -math.inf if answer.again is None else max(self._rows.clock.here(answer.again), now) + spread
        self._turns.serve()

    def _take_in_hand(self, tokens: list[Token], now: float) -> None:
        """Take tokens in hand; those whose time has passed while the answer came are spaced and not sent at once."""
        hands: dict[str, list[Promised]] = {pace.endpoint: [] for pace in self._endpoints}
        due = before = -math.inf
        for token in tokens:
            good = self._rows.clock.here(token.at)
            if good + LATE_SECONDS < now:
                self._news.unsent.append(token)
                continue
            due = max(good, due + (good - before) / 2) if before > -math.inf else max(good, now)
            before = good
            hands[token.endpoint].append(Promised(due, good + LATE_SECONDS, token))
        for pace in self._endpoints:
            pace.add(hands[pace.endpoint])

    def _wake(self, when: float) -> None:
        """Look again at a time, if nothing makes us look before."""
        if when == math.inf or (self._timer is not None and self._wakes_at <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = when
        self._timer = asyncio.get_running_loop().call_at(when, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self.look(max(self._wakes_at, asyncio.get_running_loop().time()))

    def _refused(self, limiter: str, sent_at: float, retry_after: float | None) -> None:
        """Note a refusal; a lower bound on the wait holds for what is in hand, too."""
        self._news.refusals.append(Refusal(limiter, self._there(sent_at), retry_after))
        if retry_after:
            until = asyncio.get_running_loop().time() + min(retry_after, LONGEST_RETRY_AFTER)
            self._throw_away(until, limiter)
        self._ask_now()

    def _throw_away(self, before: float, limiter: str = KEY) -> None:
        for pace in self._endpoints:
            if limiter in (KEY, pace.name):
                self._news.unsent += pace.drop(-math.inf, before)

    def _used(self, now: float, token: Token) -> None:
        """Remember which token a turn had, for its refusal."""
        self._sent[now] = token.at
        if len(self._sent) > REMEMBERED_TURNS:
            self._sent.popitem(last=False)

    def _there(self, sent_at: float) -> float:
        """Return when a request was sent by the database's clock: the time of its token."""
        return self._sent.get(sent_at) or self._rows.clock.there(sent_at)


class News:
    """What was seen since the last ask."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.doubts: list[tuple[Doubt, float | None]] = []
        self.unsent: list[Token] = []
        self.unknown: list[str] = []
        self.slowed: set[str] = set()
        self.down: bool | None = None

    def keep(self, ask: Ask) -> None:
        """Take back what nobody has heard. Refusals teach nothing any more once the database is back."""
        self.unknown += ask.unknown
        self.slowed |= ask.learned.keys()
        self.down = ask.down if self.down is None else self.down

    @property
    def urgent(self) -> bool:
        """Whether others should know at once."""
        return bool(self.refusals or self.doubts) or self.down is not None
