"""The control plane: what a person or a test may ask of a running sandbox beside the API itself."""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, make_dataclass
from typing import Any

from billing.sandbox.accounts import allow, replace_bank
from billing.sandbox.config import Chances, ConfigProblem, SandboxConfig, read_limits, section
from billing.sandbox.faults import FaultPlan, Scripted
from billing.sandbox.issuer import NewCard, close, replace
from billing.sandbox.levers import LEVERS
from billing.sandbox.model import Sandbox
from billing.sandbox.payer import Deed, act
from billing.sandbox.refusals import Obj
from billing.sandbox.scenario import ScenarioSpec, build
from billing.sandbox.webhook_levers import change, state
from billing.sandbox.world import API_VERSION

PREFIX = "/_sandbox/"
FARTHEST_SECONDS = 3_652 * 86_400
Settings = Mapping[str, Any]


class ControlProblem(Exception):
    """A command that cannot be carried out; ``status`` is the HTTP status to answer."""

    def __init__(self, message: str, status: int) -> None:
        """Keep both."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Faults:
    """A body of ``POST faults``: what it holds replaces all faults there were.

    Attributes:
        seed: of the chance faults.
    """

    seed: int = 0
    chances: Chances | None = None
    script: tuple[Scripted, ...] = ()


@dataclass(frozen=True, slots=True)
class Advance:
    """A body of ``POST clock``."""

    advance_seconds: float


@dataclass(frozen=True, slots=True)
class KeyChanges:
    """A body of ``POST keys``: what changes for API keys now.

    Attributes:
        revoke: keys that stop working.
        withhold: key to permissions it lacks from now on.
        restrict: key to the only routes it may use from now on.
        widen: keys that may do everything again.
        accounts: key to the connected account whose own it becomes.
    """

    revoke: tuple[str, ...] = ()
    withhold: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    restrict: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    widen: tuple[str, ...] = ()
    accounts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountChange:
    """A body of ``POST accounts``: what changes for one connected account now.

    Attributes:
        charges: whether it can take charges.
        connected: whether it lets the platform in.
        new_bank: its owner enters another bank account for its payouts.
    """

    account: str
    charges: bool | None = None
    connected: bool | None = None
    new_bank: bool = False


@dataclass(frozen=True, slots=True)
class PayerAsked:
    """A body of ``POST payer``: what the payer of a PaymentIntent or SetupIntent does.

    Attributes:
        method: what a payer who pays on session pays with.
    """

    intent: str
    does: Deed
    method: str = "pm_card_visa"


@dataclass(frozen=True, slots=True)
class CardChange:
    """A body of ``POST cards``: what an issuer does about a card that is saved.

    Attributes:
        new: what it sends in its place; without it the card is closed.
    """

    payment_method: str
    new: NewCard | None = None


def command(sandbox: Sandbox, method: str, name: str, body: bytes) -> Obj:
    """Carry out one command; the answer as JSON values.

    Raises:
        ControlProblem: no such command (404), another method (405), or a body that is not understood (400).
    """
    if name not in {known for _, known in COMMANDS}:
        raise ControlProblem(f"no such command: {name}", 404)
    if (method, name) not in COMMANDS:
        raise ControlProblem(f"{name} is no {method}", 405)
    try:
        settings = json.loads(body) if body else {}
        if not isinstance(settings, dict):
            raise ConfigProblem("the body is no JSON object")
        return COMMANDS[method, name](sandbox, settings)
    except (ConfigProblem, ValueError, RecursionError) as problem:
        raise ControlProblem(str(problem), 400) from problem


def _health(sandbox: Sandbox, _: Settings) -> Obj:
    return {"status": "ok", "now": sandbox.now, "api_version": API_VERSION, "platform": sandbox.world.platform.id}


def _books(sandbox: Sandbox, _: Settings) -> Obj:
    books = sandbox.books()
    totals = [
        {"account": account, "currency": currency, "taken": taken}
        for (account, currency), taken in sorted(books.totals().items())
    ]
    intents = [asdict(intent) for intent in books.intents]
    return {
        "doubles": books.doubles(),
        "orphans": books.orphans(),
        "refunded_twice": books.refunded_twice(),
        "totals": totals,
        "intents": intents,
        "subscribed_twice": books.subscribed_twice(),
        "refunds": [asdict(refund) for refund in books.refunds],
        "subscriptions": [asdict(row) | {"counts": row.counts} for row in books.subscriptions],
        "dead_defaults": [asdict(row) for row in books.dead_defaults],
        "fees_given_back": dict(books.fees_given_back),
        "rows": [asdict(row) for row in books.rows],
        "charges": [asdict(charge) for charge in books.charges],
        "payouts": [asdict(payout) for payout in books.payouts],
    }


def _requests(sandbox: Sandbox, _: Settings) -> Obj:
    tallies = {operation: tally.shown() for operation, tally in sandbox.requests.items()}
    return {"total": sandbox.requests.total(), "operations": tallies, "log": [asdict(line) for line in sandbox.log]}


def _config(sandbox: Sandbox, _: Settings) -> Obj:
    """The settings in force; API keys are counted, never shown."""
    shown = asdict(sandbox.config)
    shown["keys"] = {name: len(value) for name, value in shown["keys"].items() if name != "live"}
    return shown | {"limits": asdict(sandbox.limiters.limits)}


def _clock(sandbox: Sandbox, settings: Settings) -> Obj:
    seconds = section(Advance, settings, "clock").advance_seconds
    if seconds > FARTHEST_SECONDS:
        raise ConfigProblem(f"sandbox setting clock.advance_seconds: at most {FARTHEST_SECONDS}, ten years, at once")
    return {"now": sandbox.advance(seconds)}


def _prune(sandbox: Sandbox, _: Settings) -> Obj:
    return {"pruned": sandbox.keys.prune()}


def _faults(sandbox: Sandbox, settings: Settings) -> Obj:
    asked = section(Faults, settings, "faults")
    sandbox.faults = FaultPlan(asked.seed, asked.chances, asked.script)
    return {"script": len(asked.script), "chances": dict(asked.chances.kinds) if asked.chances else {}}


def _limits(sandbox: Sandbox, settings: Settings) -> Obj:
    changes = section(SandboxConfig, {"limit_changes": settings.get("changes", [])}).limit_changes
    now = {name: value for name, value in settings.items() if name != "changes"}
    if now:
        sandbox.limiters.set(read_limits(now, sandbox.limiters.limits))
    if changes:
        sandbox.limiters.schedule(changes, sandbox.now)
    return asdict(sandbox.limiters.limits)


def _seed(sandbox: Sandbox, settings: Settings) -> Obj:
    scenario = build(sandbox, section(ScenarioSpec, settings, "seed"))
    return asdict(scenario) | {"csv": scenario.as_csv()}


def _keys(sandbox: Sandbox, settings: Settings) -> Obj:
    asked, gate = section(KeyChanges, settings, "keys"), sandbox.gate
    for key in asked.revoke:
        gate.revoke(key)
    for key in asked.widen:
        gate.widen(key)
    for key, names in asked.withhold.items():
        gate.withhold(key, *names)
    for key, routes in asked.restrict.items():
        gate.restrict(key, *routes)
    for key, account in asked.accounts.items():
        gate.assign(key, account)
    return {name: len(getattr(asked, name)) for name in ("revoke", "withhold", "restrict", "widen", "accounts")}


def _accounts(sandbox: Sandbox, settings: Settings) -> Obj:
    asked = section(AccountChange, settings, "accounts")
    account = sandbox.world.accounts.get(asked.account)
    if account is None:
        raise ConfigProblem(f"no connected account {asked.account!r}")
    if asked.charges is not None:
        allow(account, charges=asked.charges)
    if asked.connected is not None:
        account.connected = asked.connected
    if asked.new_bank:
        replace_bank(sandbox.world, account)
    return {"account": account.id, "charges": account.body["charges_enabled"], "connected": account.connected}


def _payer(sandbox: Sandbox, settings: Settings) -> Obj:
    asked = section(PayerAsked, settings, "payer")
    sandbox.tick()
    return act(sandbox.world, asked.intent, asked.does, asked.method)


def _cards(sandbox: Sandbox, settings: Settings) -> Obj:
    asked = section(CardChange, settings, "cards")
    sandbox.tick()
    if asked.new is None:
        row = close(sandbox.world, asked.payment_method)
    else:
        row = replace(sandbox.world, asked.payment_method, asked.new)
    return {
        "payment_method": row["id"],
        "card": {name: row["card"][name] for name in ("exp_month", "exp_year", "last4")},
    }


def _lever(name: str, pull: Callable[..., Obj]) -> Callable[[Sandbox, Settings], Obj]:
    """The command of a lever; its body is what the function takes beside the sandbox."""
    takes = [each for each in inspect.signature(pull).parameters.values() if each.name != "sandbox"]
    body = make_dataclass(name, [
        (each.name, each.annotation) if each.default is each.empty else (each.name, each.annotation, each.default)
        for each in takes
    ], frozen=True)  # fmt: skip

    def command(sandbox: Sandbox, settings: Settings) -> Obj:
        asked: Any = section(body, settings, name)
        return pull(sandbox, **{each.name: getattr(asked, each.name) for each in takes})

    return command


COMMANDS: dict[tuple[str, str], Callable[[Sandbox, Settings], Obj]] = {
    ("GET", "health"): _health,
    ("GET", "books"): _books,
    ("GET", "requests"): _requests,
    ("GET", "config"): _config,
    ("POST", "clock"): _clock,
    ("POST", "prune"): _prune,
    ("POST", "faults"): _faults,
    ("POST", "limits"): _limits,
    ("POST", "seed"): _seed,
    ("POST", "keys"): _keys,
    ("POST", "accounts"): _accounts,
    ("POST", "payer"): _payer,
    ("POST", "cards"): _cards,
    **{("POST", name): _lever(name, pull) for name, pull in LEVERS.items()},
    ("GET", "webhook"): lambda sandbox, _: state(sandbox),
    ("POST", "webhook"): change,
}
