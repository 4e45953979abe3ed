"""Rebuild a lost run, and say what was found, what was not, and what the next run will charge."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from billing.cli.endings import run_table
from billing.cli.progress_bar import watching
from billing.cli.services import services_for
from billing.cli.session import Session
from billing.cli.tables import amounts, duration, plural
from billing.cli.terminal import write_err, write_json, write_out
from billing.cli.typed import following
from billing.core.errors import UsageError
from billing.core.exits import Exit
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.runfiles import RunFile
from billing.flow.carry_out import requests_sent
from billing.flow.kinds.charge.rebuilding.orphans import LeftOut, Orphan
from billing.flow.kinds.charge.rebuilding.rebuild import RebuildOptions, Rebuilt
from billing.flow.kinds.charge.rebuilding.rebuild import rebuild as rebuild_run
from billing.flow.kinds.charge.rebuilding.window import window
from billing.flow.report import summary
from billing.flow.request import RunRequest
from billing.flow.services import Services

REBUILDS = {Kind.CHARGE: rebuild_run}
# How a lost run is read back, for the kinds that need it: others find what was done right before each send.
SHOWN = 10
# References and strays a person sees; JSON carries all of them.


def day_of(text: str | None) -> date | None:
    """Read a day such as 2026-10-01.

    Raises:
        UsageError: it is none.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise UsageError(f'--since "{visible(text or "")}" is no day such as 2026-10-01') from None


async def carry_out(session: Session, request: RunRequest, options: RebuildOptions, source: RunFile) -> int:
    """Open the services, rebuild, print; return the exit code.

    Raises:
        UsageError: runs of this kind need no rebuild.
    """
    run_id, rebuild = source.run.run_id, REBUILDS.get(source.run.kind)
    if rebuild is None:
        raise UsageError(
            f"{visible(source.file)} has {LIVES[source.run.kind].noun}, and a run of them needs no rebuild: run the "
            "file again, and what was done already is found before each line is sent"
        )
    opening = replace(request, making=Making.ANEW).services(source.run.mode, f"rebuild {run_id}")
    async with services_for(session, opening, source.run.policies.pacing) as services:
        began = time.monotonic()
        since = window(source.run, options.since, services.clock.now())
        write_err(f"listing the intents opened since {since:%Y-%m-%d} on every account of {visible(source.file)}")
        with watching(f"rebuild {run_id}, accounts") as watch:
            rebuilt = await rebuild(services, source, options, watch)
        if session.json:
            write_json(as_json(services, rebuilt))
        else:
            write_out("".join(line + "\n" for line in as_text(services, rebuilt, request, time.monotonic() - began)))
        return rebuilt.exit


def as_json(services: Services, rebuilt: Rebuilt) -> dict[str, Any]:
    """Return the summary of the run as `billing run` prints it, with what the rebuild adds to it."""
    found = summary(services.ledger, rebuilt.run_id, exit_code=rebuilt.exit, requests=requests_sent(services))
    return found | {
        "rebuilt": rebuilt.since is not None,
        "since": None if rebuilt.since is None else rebuilt.since.isoformat(),
        "accounts_listed": rebuilt.inventory.accounts,
        "intents_listed": rebuilt.inventory.listed,
        "intents_of_run": rebuilt.inventory.intents,
        "without_intent": {
            "items": len(rebuilt.unopened),
            "totals": dict(sorted(rebuilt.unopened_totals.items())),
            "references": rebuilt.unopened,
        },
        "earlier_generations": rebuilt.earlier,
        "withdrawn": rebuilt.withdrawn,
        "left_out": [{"reference": one.reference, "reason": one.reason} for one in rebuilt.left_out],
        "orphans": [_stray_facts(stray) for stray in rebuilt.strays],
        "warnings": rebuilt.warnings,
    }


def _stray_facts(stray: Orphan) -> dict[str, Any]:
    return {
        "reference": stray.reference,
        "payment_intent": stray.intent,
        "account": stray.account,
        "status": stray.status,
        "recorded": stray.recorded or None,
        "paid": stray.paid,
    }


def as_text(services: Services, rebuilt: Rebuilt, request: RunRequest, seconds: float) -> Iterator[str]:
    """Write what was found, then what a person has to know before the next run."""
    run_id = rebuilt.run_id
    if rebuilt.since is None:
        yield f"Run {run_id} is on record and nothing in it waits to be looked up: nothing to rebuild"
        return
    stock = rebuilt.inventory
    yield f"Run {run_id} rebuilt from Stripe in {duration(seconds)}; nothing was sent but reads"
    listed = f"{plural(stock.listed, 'intent')}, {stock.intents:,} of this run"
    yield f"  {plural(stock.accounts, 'account')} listed from {rebuilt.since:%Y-%m-%d} on: {listed}"
    yield from _ended(rebuilt)
    yield from run_table(services.ledger, run_id)
    yield from (f"  ! {visible(warning)}" for warning in rebuilt.warnings)
    yield from _unopened(rebuilt)
    yield from _left_out(rebuilt.left_out)
    yield from _strays(rebuilt.strays)
    yield f"  {plural(requests_sent(services)['sent'], 'request')}   ledger head {services.ledger.head[:16]}"
    yield f"Next: {visible(_following(rebuilt, request))}"


def _unopened(rebuilt: Rebuilt) -> Iterator[str]:
    """Say what the next run charges: whoever types it should have seen this."""
    if not rebuilt.unopened:
        yield "  every item has its intent: the next run charges nobody anew"
        return
    count = len(rebuilt.unopened)
    yield (
        f"  ! {plural(count, 'item')} without any intent WILL BE CHARGED by the next run: "
        f"{amounts(rebuilt.unopened_totals)}"
    )
    yield f"      {visible(_some(rebuilt.unopened))}"


def _ended(rebuilt: Rebuilt) -> Iterator[str]:
    """Say which intents stand for nothing that is still wanted, so that none seems to be missing."""
    if rebuilt.earlier:
        yield f"  {plural(rebuilt.earlier, 'earlier payment')} of corrected or repeated lines, all closed unpaid"
    if rebuilt.withdrawn:
        yield f"  not in the file any more, closed unpaid: {visible(_some(rebuilt.withdrawn))}"


def _some(references: list[str]) -> str:
    more = f" and {len(references) - SHOWN:,} more" if len(references) > SHOWN else ""
    return ", ".join(references[:SHOWN]) + more


def _left_out(lines: list[LeftOut]) -> Iterator[str]:
    """Name the lines that nobody can tell about: nothing charges them."""
    for line in lines[:SHOWN]:
        yield visible(f"  ! LEFT OUT, nothing charges it: {line}; a person looks in Stripe which one is meant")
    if len(lines) > SHOWN:
        yield f"  ! and {len(lines) - SHOWN:,} more: --output json names all"


def _strays(strays: list[Orphan]) -> Iterator[str]:
    for stray in [*(one for one in strays if one.paid), *(one for one in strays if not one.paid)][:SHOWN]:
        what = "PAID TWICE" if stray.paid else "an orphan"
        yield visible(f"  ! {what}: {stray}; it was not touched")
    if len(strays) > SHOWN:
        yield f"  ! and {len(strays) - SHOWN:,} more: --output json names all"


def _following(rebuilt: Rebuilt, request: RunRequest) -> str:
    if rebuilt.exit is not Exit.OK:
        return "a person looks at what was paid twice or left out, in Stripe, before anything else"
    return following("run", request.file)
