"""Answering a worker: what it has seen is learned for all, and it is promised a slice of the tokens that it wants.

Pure: from the rows of the limiters and a time to an answer and the rows as they are afterwards. All tokens of a
request are promised together, the endpoint's and the key's, or what had come of one limiter would grow old while the
other is waited for. The endpoint decides when; the key's tokens before that stay for other endpoints.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from billing.edge.pacing.limit_owner import Whose
from billing.edge.pacing.pacer import MICRO
from billing.edge.pacing.shared.asking import KEY, Answer, Ask, Token, of_endpoint
from billing.edge.pacing.shared.limiter import AHEAD, PRESENT_SECONDS, Asker, SharedLimiter

State = Mapping[str, Any]

KNOCK_SECONDS = 3.0
# Between two requests of all workers together while the provider is down: about what one worker's breaker does.
LOOK_SECONDS = 1.0
# Between two looks of a worker whether it is back.
OUTAGE_SECONDS = 15.0
# An outage of which nobody has said anything for so long is over: whoever saw it has gone.


def needed(ask: Ask) -> list[str]:
    """Return the limiters whose rows an answer needs: the key, which all have in common, and those of endpoints."""
    endpoints = {of_endpoint(name) for name in ask.wanted} | {of_endpoint(token.endpoint) for token in ask.unsent}
    return sorted({KEY} | endpoints | {refusal.limiter for refusal in ask.refusals})


def answered(ask: Ask, rows: Mapping[str, State], now: float) -> tuple[Answer, dict[str, State]]:
    """Return the answer and the rows afterwards.

    Args:
        ask: names only limiters whose beginning it knows.
        rows: of the limiters that are `needed`; an empty one has not been used.
        now: seconds of the database's clock, after the rows were locked.
    """
    granting = _Granting(ask, rows, now)
    granting.learn()
    if granting.may_send():
        granting.promise()
    return granting.answer, granting.rows()


class _Granting:
    """One ask on its way."""

    def __init__(self, ask: Ask, rows: Mapping[str, State], now: float) -> None:
        self._ask, self._now = ask, now
        self._limiters = {
            name: SharedLimiter.of(rows[name], ask.limiters[name], ask.worker, now) for name in needed(ask)
        }
        self._key = self._limiters[KEY]
        self._whose = Whose.of(rows[KEY].get("whose", {}))
        self._acquitted = [each for each in rows[KEY].get("acquitted", ()) if each[0] > now - PRESENT_SECONDS]
        self._outage = _lasting(rows[KEY].get("outage"), now)
        self._short: Counter[str] = Counter()  # tokens of each limiter that were wanted and not promised
        self.answer = Answer(now, pacers={name: limiter.pacer for name, limiter in self._limiters.items()})

    def rows(self) -> dict[str, State]:
        """Return what the rows hold from now on."""
        ask, now = self._ask, self._now
        for name, limiter in self._limiters.items():
            asker = Asker(now, self._short[name] > 0, ask.limiters[name].cap, ask.accounts)
            limiter.asked(ask.worker, asker)
        rows: dict[str, State] = {name: limiter.state(now) for name, limiter in self._limiters.items()}
        whose = {"whose": self._whose.state(), "acquitted": self._acquitted, "outage": self._outage}
        return rows | {KEY: {**rows[KEY], **whose}}

    def learn(self) -> None:
        """Learn what the worker has seen since it last asked."""
        for token in self._ask.unsent:
            for name in (KEY, of_endpoint(token.endpoint)):
                self._limiters[name].pacer.unsend(token.at)
        for refusal in self._ask.refusals:
            self._limiters[refusal.limiter].refused(self._now, refusal.sent_at, refusal.retry_after)
        self._weigh()
        self.answer.acquitted = {account: rate for at, account, rate in self._acquitted if at > self._ask.heard}
        if self._ask.down is not None:
            knock = self._now + KNOCK_SECONDS if self._outage is None else self._outage["knock"]
            self._outage = {"seen": self._now, "knock": knock} if self._ask.down else None

    def _weigh(self) -> None:
        """Find out whether what was refused to accounts was the key's, whoever of the workers they belong to."""
        accounts = self._key.accounts(self._ask.worker, self._ask.accounts)
        for doubt, retry_after in self._ask.doubts:
            shows = self._whose.shows_key(doubt, accounts)
            if shows or self._key.pacer.measuring:
                self._key.refused(self._now, doubt.sent_at, retry_after)
                slowed = self._whose.acquitted()
                self._acquitted += [[self._now, account, rate] for account, rate in slowed.items()]

    def may_send(self) -> bool:
        """Tell whether the provider is there; while it is not, one request knocks now and then for all."""
        if self._outage is None:
            return True
        self.answer.again = self._now + LOOK_SECONDS
        if not self._ask.probing or not self._ask.wanted or self._now < self._outage["knock"]:
            return False
        self._outage["knock"] = self._now + KNOCK_SECONDS
        return True

    def promise(self) -> None:
        """Promise as many tokens as wait, at most a slice of each limiter."""
        soon = self._now + self._ask.lead
        left = {name: limiter.slice(self._ask.worker, self._now) for name, limiter in self._limiters.items()}
        if self._outage is not None:
            left[KEY] = 1
        for endpoint in self._ask.wanted:
            name = of_endpoint(endpoint)
            if left[KEY] and left[name] and self._promise(endpoint, soon):
                left[KEY] -= 1
                left[name] -= 1
            else:
                left[name] = 0  # what comes later cannot be promised either
                self._short[name] += 1
                self._short[KEY] += 1
        self.answer.tokens.sort()
        if self.answer.tokens:
            self.answer.again = None

    def _promise(self, endpoint: str, soon: float) -> bool:
        """Promise one token if it is near enough."""
        limiter = self._limiters[of_endpoint(endpoint)]
        at = _whole(self._key.earliest(max(soon, limiter.pacer.due)))
        for each in (self._key, limiter):
            if not each.promisable(at, self._now, soon):
                self._come_back(at - AHEAD[each.pacer.phase] / 2)
                return False
        self._key.take(soon, at)
        limiter.pacer.take(at)
        self.answer.tokens.append(Token(at, endpoint))
        return True

    def _come_back(self, when: float) -> None:
        again = self.answer.again
        self.answer.again = when if again is None else min(again, when)


def _lasting(outage: dict[str, float] | None, now: float) -> dict[str, float] | None:
    """Return an outage of which somebody has said something lately."""
    return outage if outage and outage["seen"] > now - OUTAGE_SECONDS else None


def _whole(at: float) -> float:
    """Round up to a microsecond."""
    return math.ceil(at * MICRO) / MICRO
