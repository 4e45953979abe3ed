"""Keep links in step, or tell which are not: what a person sees of it, and what a program reads."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from billing.cli.lookingup import WORTH_SAYING, expectation, lookout
from billing.cli.options import Sending
from billing.cli.progress_bar import watching
from billing.cli.running import Manner, confirm, ending_text, require_somebody, show
from billing.cli.services import services_for
from billing.cli.session import ErrorStyle, Session
from billing.cli.tables import plural
from billing.cli.terminal import write_err, write_json, write_out
from billing.cli.typed import following
from billing.core.estimates import Reads
from billing.core.exits import Exit
from billing.core.items import Mode
from billing.core.kinds.sync_rules import SKIPS
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.flow.carry_out import notify_of
from billing.flow.engine.progress import Watch
from billing.flow.open_services import ServiceOptions
from billing.flow.options import RunOptions
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import Lookout
from billing.flow.request import RunRequest
from billing.flow.services import Services
from billing.flow.syncing import Found, Synced, as_facts, find, sync

TITLE = "sync"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: see the options of `billing sync`."""

    sending: Sending
    everybody: bool = False
    yes: bool = False

    def opening(self, session: Session, *, plans: bool) -> ServiceOptions:
        """Return how the services are opened; whoever only looks may do so while another process charges."""
        sending = self.sending
        mode = Mode.LIVE if sending.live else session.settings.mode
        return ServiceOptions(
            mode, TITLE, live=sending.live, wait=sending.wait, rate=sending.rate, making=Making.NEVER, plans=plans
        )


async def tell_drift(session: Session, asked: Asked) -> int:
    """Look, and tell; return 4 when anything is not in step."""
    async with services_for(session, asked.opening(session, plans=True)) as services:
        with watching(TITLE) as watch:
            found = await find(services, session.settings, everybody=asked.everybody, lookout=_told(session, watch))
    code = Exit.DECLINES if found.drifted else Exit.OK
    if session.json:
        write_json({"exit_code": int(code), **as_facts(found)})
    else:
        write_out("".join(line + "\n" for line in [*told_of(found), *_next_of(found)]))
    return code


async def bring_in_step(session: Session, asked: Asked) -> int:
    """Find, show, ask, carry out, print; return the exit code."""
    manner = Manner(asked.yes)
    async with services_for(session, asked.opening(session, plans=False)) as services:
        require_somebody(manner)
        began = time.monotonic()
        start_rps = services.gateway.throttle.key.rate
        request = RunRequest(run=RunOptions(), live=asked.sending.live, rate=asked.sending.rate).under(session.settings)

        def agree(found: Found, plan: Plan) -> None:
            nonlocal began
            if not ErrorStyle.json_log:
                for line in told_of(found):
                    write_err(line)
                show(session, request, plan, services, start_rps)
            confirm(plan, manner)
            began = time.monotonic()

        with watching(TITLE) as watch:
            done = await sync(
                services,
                session.settings,
                request,
                agree=agree,
                everybody=asked.everybody,
                watch=watch,
                lookout=_told(session, watch),
            )
        _print(session, services, done, time.monotonic() - began)
        if done.result is not None:
            await notify_of(done.result, session.settings, session.environ, session.log)
        return done.exit


def _told(session: Session, watch: Watch) -> Lookout:
    """Return who is told of the reads: a look at many links says first what it takes."""
    told = lookout(session, watch)

    def foretell(reads: Reads) -> None:
        told.foretell(reads)
        if reads.names and reads.seconds < WORTH_SAYING and not session.json:
            write_err(expectation(reads))

    return Lookout(foretell, watch)


def _print(session: Session, services: Services, done: Synced, seconds: float) -> None:
    found = done.found
    if session.json:
        summary = {} if done.result is None else dict(done.result.summary)
        write_json({**summary, "exit_code": int(done.exit), "sync": as_facts(found), "continued": list(done.continued)})
        return
    lines = [f"went on with {visible(run)}" for run in done.continued]
    if done.result is None:
        lines += told_of(found)
    else:
        # What could not be read is no line of its run, and makes the command end otherwise than that.
        lines += ending_text(replace(done.result, exit=done.exit), services, seconds)
    write_out("".join(line + "\n" for line in lines))


def told_of(found: Found) -> list[str]:
    """Write what a look came to: how many links, what is not in step, and what could not be read."""
    return list(_told_of(found))


def _told_of(found: Found) -> Iterator[str]:
    if not found.links:
        yield "Nobody is subscribed: there is nothing to keep in step."
        return
    if not found.drifted:
        yield f"All of {plural(found.links, 'link')} are in step."
        return
    if found.needs:
        yield found.says()
    for code in sorted(set(found.needs) & set(SKIPS)):
        yield f"  {code}: {SKIPS[code].means}"
        yield f"    {SKIPS[code].what_to_do}"
    if found.unfinished:
        yield f"{plural(found.unfinished, 'link')} of earlier syncs not finished yet"
    for link, verdict in sorted(found.unread.items(), key=lambda pair: pair[0].name):
        code = verdict.failed.code if verdict.failed else ""
        yield visible(f"could not read {link.payer} on {link.account} ({code}); the next sync looks again")


def _next_of(found: Found) -> list[str]:
    to_do = found.source.items or found.unfinished
    return [f"Nothing was changed. Next: {following('sync', without=frozenset({'check'}))}"] if to_do else []
