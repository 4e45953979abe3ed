"""Whose limit was it? A refusal for the rate of the whole key may be the connected account's own, or the key's.

Stripe documents neither whether a connected account has a limit of its own nor what reason its 429 would name. So the
account is slowed first: nobody else pays for that, and where it was right the refusals end. What speaks for the key is
a refusal that the account's own sends do not explain, and several of those from several accounts at about the same
time. The key's limiter refuses all of them alike; an account's own limiter, that account alone.
"""

from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from billing.edge.pacing.pacer import Pacer, Phase

RECENT_SECONDS, BEFORE_SECONDS = 1.0, 3.0
# An account's sends are looked at over the last second, and compared with a second of the three before.
FEW_SENDS = 3
# No account has a limit so low that so few requests within a second exceed it, as far as anybody has seen.
FASTER = 1.25
# Of the sends a second of before: an account that has sped up by so much may have reached a limit of its own.
WINDOW_SECONDS, WITNESSES = 1.0, 3
# So many accounts refused without a reason of their own within so long were refused by the key.

EXPLAINED = frozenset({Phase.MEASURE, Phase.SETTLE, Phase.PROBE})
# An account that sends above what it has learned, to find its limit, explains its refusal by that.


def explained(pacer: Pacer, sent_at: float) -> bool:
    """Tell whether the sends of an account up to ``sent_at`` may be the reason of its refusal.

    They are none where it keeps under a limit that it has learned, where it hardly sends at all, or where it has sent
    as fast for seconds and was let in.
    """
    if pacer.phase in EXPLAINED:
        return True
    if pacer.taught:
        return False
    recent = pacer.sends_between(sent_at - RECENT_SECONDS, sent_at)
    before = pacer.sends_between(sent_at - RECENT_SECONDS - BEFORE_SECONDS, sent_at - RECENT_SECONDS)
    return recent > max(FEW_SENDS, FASTER * before * RECENT_SECONDS / BEFORE_SECONDS)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A refusal that may be the account's own or the key's.

    Attributes:
        account: the connected account that was refused.
        sent_at: when the refused request left.
        before: requests a second of the account before it was slowed; None where it was slowed already.
        explained: whether the account's own sends may be the reason.
    """

    account: str
    sent_at: float
    before: float | None
    explained: bool


def doubt(account: str, pacer: Pacer, sent_at: float) -> Doubt:
    """Return what there is to say of a refusal, before the account is slowed for it."""
    return Doubt(account, sent_at, None if pacer.measuring else pacer.rate, explained(pacer, sent_at))


class Whose:
    """Collects refusals that no account explains, until they show that the limit is the key's."""

    def __init__(self) -> None:
        """Begin without any doubt."""
        self._witnesses: deque[tuple[float, str]] = deque()
        self._slowed: dict[str, tuple[float, float]] = {}

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Self:
        """Return what ``state`` was asked of."""
        whose = cls()
        whose._witnesses.extend((at, account) for at, account in state.get("witnesses", ()))
        whose._slowed = {account: (at, rate) for account, (at, rate) in state.get("slowed", {}).items()}
        return whose

    def state(self) -> dict[str, Any]:
        """Return all that was collected, as JSON takes it."""
        return {"witnesses": list(self._witnesses), "slowed": self._slowed}

    def is_key(self, account: str, pacer: Pacer, sent_at: float, accounts: Collection[str]) -> bool:
        """Note a refusal; tell whether the key's limit must be the reason.

        Args:
            account: the account that was refused, or empty for the platform itself.
            pacer: that account's.
            sent_at: when the refused request left.
            accounts: every account that requests were sent to.
        """
        if not account or len(accounts) == 1:
            return True  # nobody else is there to tell the two apart, and the key is the one that is documented
        return self.shows_key(doubt(account, pacer, sent_at), len(accounts))

    def shows_key(self, doubt: Doubt, accounts: int) -> bool:
        """Note a refusal; tell whether the key's limit must be the reason, ``accounts`` being sent to in all."""
        self._forget(doubt.sent_at - WINDOW_SECONDS)
        if doubt.before is not None:
            self._slowed[doubt.account] = (doubt.sent_at, doubt.before)
        if accounts <= 1:
            return True
        if doubt.explained:
            return False
        self._witnesses.append((doubt.sent_at, doubt.account))
        return len({name for _, name in self._witnesses}) >= min(WITNESSES, accounts)

    def acquitted(self) -> dict[str, float]:
        """Return the accounts slowed in this window, as they may have been for nothing, with their rates of before."""
        found = {account: rate for account, (_, rate) in self._slowed.items()}
        self._slowed.clear()
        self._witnesses.clear()
        return found

    def _forget(self, moment: float) -> None:
        while self._witnesses and self._witnesses[0][0] < moment:
            self._witnesses.popleft()
        self._slowed = {name: each for name, each in self._slowed.items() if each[0] >= moment}
