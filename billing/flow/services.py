"""Everything a flow works with, wired once: the ledger, the gateway, the clock and where events go."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from billing.core.entries import Facts, RunRecord
from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.ledger import Ledger
from billing.edge.logs import enabled_for
from billing.edge.pacing.throttle import Rates
from billing.edge.stripe.clock import ProviderClock
from billing.edge.stripe.gateway import Gateway
from billing.flow.engine.standing import Standing
from billing.flow.kinds.charge.cards import Blocks
from billing.flow.kinds.charge.find import Finder


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
        finder: lists accounts before anything is opened there, and knows whose the intents are.
        blocks: the cards that must not be tried again.
        standing: which connected accounts take requests.
        who: asks Stripe whose key this is; None when the platform is known from the start.
        log: ``log(event, **facts)``; a structured event, never a key, a name or an e-mail.
        operator: who charges, for the entry that starts a run; empty when nobody needs to know.
        logs_steps: whether the log writes what items pass through on their way.
        draining: set when no new step may be started.
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
    finder: Finder = field(init=False)
    blocks: Blocks = field(init=False)
    standing: Standing = field(default_factory=Standing)
    logs_steps: bool = field(init=False)

    def __post_init__(self) -> None:
        self.finder = Finder(self.gateway, self.clock, self.ledger)
        self.blocks = Blocks(self.ledger, self.clock)
        self.logs_steps = enabled_for(self.log, "item_step")

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
