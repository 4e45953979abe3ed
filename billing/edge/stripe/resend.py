"""The same request again, with the same key, while that is safe. Never used for a confirm."""

import asyncio
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState
from tenacity.wait import wait_random_exponential

from billing.core.outcomes import Busy, Lost, Outcome, Unsent, UnsentWhy
from billing.edge.stripe.breaker import RetryBudget

SENDS = 3
# Sends in all after lost answers or failures of the network: a poison item must not hold up the others.
# See edge/stripe/README.md, "Repeats".
BUSY_WAITS = 8
# How often a running request with our key is waited for; with the pauses below that is up to half a minute.
FIRST_WINDOW, LONGEST_WINDOW = 0.5, 8.0
# Seconds: the pause is drawn evenly from a window that doubles ("full jitter"), so that repeats do not march in step.
LONGEST_RESEND = 240.0
# Seconds for all sends together: three requests that time out after 80 s each.
UNCLEAR = (Lost, Busy, Unsent)
# What may want a repeat. Everything else is final at once, and costs nothing here.


async def resend(send: Callable[[], Awaitable[Outcome]], repeats: RetryBudget | None = None) -> Outcome:
    """Send, and send again while the outcome allows it; return the last outcome.

    Repeated: ``Lost`` whose key is still good, ``Busy``, and what never left because of the network. Not repeated: what
    a limiter refused (the caller puts the item back), and a key whose stored answer is a server error. If any send was
    lost, an ``Unsent`` of a repeat says nothing about it: the outcome stays ``Lost``. ``Busy`` to the end is ``Lost``.

    Args:
        send: one request; called again for each repeat, so it must always send the same.
        repeats: the process's budget of repeats after lost answers; None for no bound beside this request's own.
    """
    began = asyncio.get_running_loop().time()
    first = await send()
    return await _again(send, first, ResendState(began, repeats)) if isinstance(first, UNCLEAR) else first


async def _again(send: Callable[[], Awaitable[Outcome]], first: Outcome, ctx: "ResendState") -> Outcome:
    """Go on from an outcome that may want a repeat; the loop takes it for its own first send."""
    sent = [first]
    jitter = wait_random_exponential(multiplier=FIRST_WINDOW, max=LONGEST_WINDOW)

    def wait(state: RetryCallState) -> float:
        return max(jitter(state), ctx.least_wait)

    retrying = AsyncRetrying(
        retry=lambda state: ctx.wants_more(_outcome(state)),
        stop=lambda _state: False,
        wait=wait,
        sleep=asyncio.sleep,
        retry_error_callback=_outcome,
    )

    async def once() -> Outcome:
        # tenacity awaits only what it can see to be a coroutine function; ``send`` may be a partial or a lambda.
        return sent.pop() if sent else await send()

    return ctx.concluded(await retrying(once))


def _outcome(state: RetryCallState) -> Outcome:
    """Return what the last send gave; an exception of the send is raised as it is."""
    assert state.outcome is not None  # noqa: S101  tenacity sets it before it asks
    result: Outcome = state.outcome.result()
    return result


class ResendState:
    """What one resent request has used so far."""

    def __init__(self, began: float, repeats: RetryBudget | None) -> None:
        self._began = began
        self._repeats = repeats
        self._tries = 0
        self._busy = 0
        self._lost: Lost | None = None
        self.least_wait = 0.0

    def wants_more(self, outcome: Outcome) -> bool:
        """Tell whether to send again after ``outcome``."""
        self.least_wait = outcome.reply.retry_after or 0.0
        match outcome:
            case Lost():
                self._lost = outcome
                self._tries += 1
                again = not outcome.renew and self._tries < SENDS
            case Busy():
                self._busy += 1
                again = outcome.reply.should_retry is not False and self._busy <= BUSY_WAITS
            case Unsent(why=UnsentWhy.NETWORK):
                self._tries += 1
                again = self._tries < SENDS
            case _:
                again = False
        elapsed = asyncio.get_running_loop().time() - self._began
        if not again or elapsed + self.least_wait > LONGEST_RESEND:
            return False
        return self._repeats is None or not isinstance(outcome, Lost) or self._repeats.take()

    def concluded(self, outcome: Outcome) -> Outcome:
        """Return the outcome of all sends together."""
        match outcome:
            case Unsent() if self._lost is not None:
                return self._lost
            case Busy():
                return Lost(renew=False, reply=outcome.reply)
            case _:
                return outcome
