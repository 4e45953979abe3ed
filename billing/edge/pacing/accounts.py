"""The limiters of connected accounts: each process has its own, and tells others what an account was found to allow."""

import asyncio
from collections.abc import Callable

from billing.edge.pacing.admission import Limiter
from billing.edge.pacing.concurrency_limit import Slots
from billing.edge.pacing.pacer import KNOWN_SHARE, Pacer


class AccountLimits:
    """The limiters of the accounts that requests were sent to; the platform itself has an empty name."""

    def __init__(self, begin: Callable[[str], Pacer], slots: Callable[[str], int]) -> None:
        """Begin without any.

        Args:
            begin: makes the pacer of an account that nobody has sent to.
            slots: gives the requests that an account may have in flight.
        """
        self._begin, self._slots = begin, slots
        self._limiters: dict[str, Limiter] = {}
        self._pacers: dict[str, Pacer] = {}

    def limiter(self, name: str) -> Limiter:
        """Return the limiters of an account."""
        limiter = self._limiters.get(name)
        if limiter is None:
            pacer = self._pacers[name] = self._begin(name)
            limiter = self._limiters[name] = Limiter(pacer, Slots(self._slots(name)))
        return limiter

    def pacer(self, name: str) -> Pacer:
        """Return the pacer of an account."""
        self.limiter(name)
        return self._pacers[name]

    def known(self, name: str) -> Pacer | None:
        """Return the pacer of an account, if anything was sent to it."""
        return self._pacers.get(name)

    def names(self) -> set[str]:
        """Return the connected accounts that requests were sent to."""
        return self._pacers.keys() - {""}

    def pacers(self) -> list[tuple[str, Pacer]]:
        """Return the pacers of all accounts, with their names."""
        return list(self._pacers.items())

    def tell(self, name: str, rate: float) -> None:
        """Let an account of which nothing was found out yet begin at what another process has found."""
        pacer = self.pacer(name)
        if not pacer.taught:
            self._pacers[name] = self._limiters[name].pacer = Pacer(pacer.cap, rate * KNOWN_SHARE)

    def acquit(self, name: str, rate: float) -> None:
        """Give an account back the rate that it was slowed from for another limiter's refusals."""
        if (pacer := self._pacers.get(name)) is not None:
            pacer.acquit(asyncio.get_running_loop().time(), rate)
