"""Serve a stateful Stripe on this machine until it is stopped."""

import secrets
import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from billing.cli.terminal import write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.edge.logs import visible
from billing.edge.outputs import Target
from billing.edge.texts.forms import Forms, settings_in
from billing.edge.texts.problems import Collector
from billing.edge.texts.yaml_tree import plain
from billing.sandbox.config import ConfigProblem, SandboxConfig, read
from billing.sandbox.model import Sandbox
from billing.sandbox.refusals import Refusal
from billing.sandbox.scenario import ScenarioSpec, build
from billing.sandbox.server import serve, ticking
from billing.sandbox.webhook_endpoints import forward


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """Which sandbox: its settings, where it listens, what is made up in it, and where the sheet of that goes.

    Attributes:
        items: charges to make up, each with its payer; 0 for none.
        accounts: connected accounts to make up; 0 for none.
        forward_to: where every event is sent; None for nowhere.
    """

    config: SandboxConfig
    port: int
    items: int
    accounts: int
    target: Target
    forward_to: str | None = None


def read_config(path: Path | None) -> SandboxConfig:
    """Return the sandbox's own settings.

    Raises:
        UsageError: the file cannot be read.
        InvalidInput: it is no such file.
    """
    if path is None:
        return SandboxConfig()
    problems = Collector()
    try:
        found = settings_in(path.read_text(encoding="utf-8"), Forms(str(path), problems))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    problems.raise_if_any()
    try:
        return read(_filled(plain(found)))
    except ConfigProblem as problem:
        raise UsageError(f"{path}: {problem}") from None


def _filled(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what was written without a value: it keeps its default."""
    return {name: value for name, value in tree.items() if value != ""}


LEVERS = (  # about, command, body: what people ask of a sandbox most
    ("a week goes by", "clock", '{"advance_seconds": 604800}'),
    ("a payer pays what was declined", "payer", '{"intent": "pi_...", "does": "pay"}'),
    ("a payer saves a card", "payer", '{"intent": "seti_...", "does": "pay"}'),
    (
        "an issuer replaces a card",
        "cards",
        '{"payment_method": "pm_...", "new": {"exp_month": 5, "exp_year": 2032, "last4": "1881"}}',
    ),
    ("a payer disputes a charge", "dispute", '{"account": "acct_...", "charge": "ch_..."}'),
    (
        "a bank takes a debit back",
        "return",
        '{"account": "acct_...", "charge": "py_...", "reason": "insufficient_funds"}',
    ),
    ("an account stops taking charges", "accounts", '{"account": "acct_...", "charges": false}'),
    ("every endpoint of webhooks is down", "webhook", '{"down": true}'),
    ("answers get lost", "faults", '{"chances": {"kinds": {"lost_after": 0.05}}}'),
    ("what was really taken", "books", ""),
)


def levers(url: str) -> str:
    """Lines to paste that move a running sandbox: its clock, its payers, its faults."""
    lines = []
    for about, name, body in LEVERS:
        data = f" -d '{body}'" if body else ""
        lines.append(f"#   {about}:\n#     curl -s{data} {url}/_sandbox/{name}\n")
    return "".join(lines)


def _keys() -> dict[str, str]:
    """Made-up keys: the sandbox takes any of their form."""
    name = secrets.token_hex(8)
    return {"STRIPE_API_KEY": f"sk_test_sandbox{name}", "STRIPE_PUBLISHABLE_KEY": f"pk_test_sandbox{name}"}


def _forwarded(model: Sandbox, asked: SandboxRequest) -> dict[str, str]:
    """Have every event sent where it is asked for; return the secret that it is signed with.

    Raises:
        UsageError: nothing can be sent there.
    """
    if asked.forward_to is None:
        return {}
    try:
        return {"BILLING_WEBHOOK_SECRETS": forward(model.world, asked.forward_to)}
    except Refusal as refusal:
        raise UsageError(f"--forward-to {asked.forward_to}: {refusal.error['message']}") from None


def _exports(**values: str) -> str:
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def _made_up(model: Sandbox, asked: SandboxRequest) -> str:
    """Make up accounts, and items if any are asked for; return what a shell is told of them."""
    spec = ScenarioSpec(seed=asked.config.seed, accounts=asked.accounts, items=asked.items)
    scenario = build(model, spec)
    told = _exports(SANDBOX_ACCOUNTS=" ".join(scenario.accounts))
    if not asked.items:
        return told
    asked.target.write([scenario.as_csv()])
    sheet = visible(shlex.quote(str(asked.target.path)))
    return f"{told}# then: billing run {sheet} --run rehearsal-2026-11\n"


async def serve_until_stopped(asked: SandboxRequest) -> int:
    """Serve, and say how it is reached and moved."""
    import anyio

    model = ticking(asked.config)
    try:
        async with serve(model, port=asked.port) as served:
            write_out(_exports(BILLING_API_BASE=served.url, **_keys(), **_forwarded(model, asked)))
            if asked.accounts:
                write_out(_made_up(model, asked))
            write_out("# serving; Ctrl-C ends it. Meanwhile, from another terminal:\n" + levers(served.url))
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for _ in signals:
                    return Exit.OK
    except OSError as error:
        raise UsageError(f"port {asked.port} cannot be used: {error.strerror} (--port 0 takes a free one)") from None
    return Exit.OK
