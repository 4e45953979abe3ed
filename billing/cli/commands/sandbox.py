"""Serve a stateful Stripe on this machine until it is stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import ForceOpt, Logging
from billing.core.errors import UsageError

USUAL_ACCOUNTS = 5
# That payers are made up on.


def command(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Seed, limits, faults: configs/sandbox.yaml.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 12111,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Of ids, latency and faults.")] = None,
    items: Annotated[int, typer.Option("--items", metavar="N", min=0, max=100_000, help="Payers to make up.")] = 0,
    accounts: Annotated[
        int | None,
        typer.Option("--accounts", metavar="N", min=1, max=1000, help="Connected accounts to make up (5 for payers)."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A run file that charges them.")
    ] = None,
    forward_to: Annotated[
        str | None, typer.Option("--forward-to", metavar="URL", help="Send every event there, signed: billing listen.")
    ] = None,
    force: ForceOpt = False,
    common: Logging,
) -> int:
    """Serve a stateful Stripe on this machine to rehearse against.

    Stop it with Ctrl-C. What it holds is gone then.

    \b
    billing sandbox --items 200 --out rehearsal.csv
    billing sandbox --accounts 2
    billing sandbox --config configs/sandbox.yaml --port 0
    billing sandbox --items 200 -o rehearsal.csv --forward-to http://127.0.0.1:8585
    """
    from billing.cli.serving import SandboxRequest, read_config, serve_until_stopped
    from billing.cli.session import begin_apart, run_async
    from billing.edge.outputs import REHEARSAL, Target

    begin_apart(common)
    found = read_config(config)
    if seed is not None:
        found = replace(found, seed=seed)
    if out is not None and not items:
        raise UsageError("--out needs --items: there is nothing to charge in an empty sandbox")
    target = Target(out or Path("rehearsal.csv"), REHEARSAL, force=force)
    if items:
        target.check()
    made_up = (USUAL_ACCOUNTS if items else 0) if accounts is None else accounts
    return run_async(serve_until_stopped, SandboxRequest(found, port, items, made_up, target, forward_to))
