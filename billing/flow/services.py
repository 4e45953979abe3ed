"""Everything a flow works with, wired once: the ledger, the gateway, the clock and where events go."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from billing.core.entries import Facts
from billing.core.errors import UsageError
from billing.core.items import Mode, Personal
from billing.core.records import RunRecord
from billing.edge.ledger import Ledger
from billing.edge.logs import enabled_for
from billing.edge.pacing.throttle import Rates
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Gateway
from billing.flow.engine.standing import Standing

T = TypeVar("T")


def _nowhere(_event: str, **_facts: object) -> None:
    """Drop an event: the default when nobody listens."""


@dataclass(slots=True)
class Services:
    """What a flow may use.

    Attributes:
        ledger: open for writing by whoever charges.
        gateway: every call to Stripe.
        clock: the provider's time.
        mode: test or live; every object Stripe shows must agree.
        platform: the platform account, part of every item id and key; empty until `identify` has asked.
        rates: what may be sent, for the estimate.
        standing: which connected accounts take requests.
        who: asks Stripe whose key this is; None when the platform is known from the start.
        log: ``log(event, **facts)``; a structured event, never a key, a name or an e-mail.
        operator: who charges, for the entry that starts a run; empty when nobody needs to know.
        logs_steps: whether the log writes what items pass through on their way.
        draining: set when no new step may be started.
        people: reference -> who a line of the run file is about; empty where there is no file (`billing settle`), or
            its lines say nothing of anybody.
        public_url: where payers reach our own page, or empty.
        answers_with: one of Stripe's test payment methods with which a run answers for its payers; test mode only.
    """

    ledger: Ledger
    gateway: Gateway
    clock: ProviderClock
    mode: Mode
    platform: str
    rates: Rates
    log: Callable[..., None] = field(default=_nowhere)
    draining: bool = False
    who: Callable[[], Awaitable[str]] | None = None
    operator: Facts = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)
    people: Mapping[str, Personal] = field(default_factory=dict, repr=False)
    public_url: str = ""
    answers_with: str = ""
    logs_steps: bool = field(init=False)
    _shared: dict[Callable[["Services"], Any], Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.logs_steps = enabled_for(self.log, "item_step")

    def beside(self) -> "Services":
        """Return the same services to carry out a piece of a run beside others: only whether it drains is its own."""
        other = replace(self, draining=False, people={})
        other._shared = self._shared  # noqa: SLF001  its own kind
        return other

    def shared(self, make: Callable[["Services"], T]) -> T:
        """Return what ``make`` made of these services when it was first asked for: what a kind of items knows at once.

        A kind brings what only it needs (which cards are blocked, what an account's list shows); all of its items in
        this process share it.
        """
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("T", self._shared[make])

    async def identify(self) -> None:
        """Learn the platform before anything that depends on it; a command that sends nothing never asks.

        Raises:
            UsageError: it is another platform than the settings name.
            CredentialsError: the key is refused.
            ProviderUnreachable: no answer.
        """
        if not self.platform and self.who is not None:
            self.platform = self.gateway.platform = await self.who()

    def require_own(self, record: RunRecord) -> None:
        """Refuse a run of another platform: its intents cannot be seen with this key.

        Raises:
            UsageError: the run belongs to another platform; nothing was sent.
        """
        if record.platform != self.platform:
            raise UsageError(f"run {record.run_id} belongs to {record.platform}, this key to {self.platform}")
