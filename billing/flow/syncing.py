"""Keep links in step with the platform: find what changed, plan it as a run, carry it out, and remember how far.

First what earlier syncs left unfinished goes on, so that no link is moved by two lines at once. Then events tell which
platform customers changed; those links are looked at, and what is not in step becomes a line of a run.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from billing.core.estimates import Reads
from billing.core.exits import Exit
from billing.core.groups import exit_for
from billing.core.items import Does
from billing.core.policies import Policies
from billing.edge.settings.load import Settings
from billing.flow.carry_out import RunResult, carry_out_run
from billing.flow.closing import UNGUARDED
from billing.flow.engine.progress import Watch, unwatched
from billing.flow.execute import execute
from billing.flow.follow import policies_of
from billing.flow.kinds.sync.changes import Changes, changes_since, keep_cursor, unseen
from billing.flow.kinds.sync.examine import PER_LINK, Verdict, examine
from billing.flow.kinds.sync.links import Link, Past, links_of, past_of
from billing.flow.kinds.sync.source import Generated, counted, generated
from billing.flow.options import RunOptions
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import QUIETLY, Lookout
from billing.flow.request import RunRequest
from billing.flow.resolve import resolve
from billing.flow.services import Services


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the links came to.

    Attributes:
        links: how many there are.
        verdicts: what was looked at, and what each needs.
        changes: what the events told.
        source: the lines of what is not in step.
        unfinished: links that earlier syncs have not finished, or left to a person.
        known: links whose trouble was told before and is the same; they are no lines.
    """

    links: int
    verdicts: Mapping[Link, Verdict]
    changes: Changes
    source: Generated
    unfinished: int = 0
    known: Mapping[Link, Verdict] = field(default_factory=dict)

    @property
    def unread(self) -> Mapping[Link, Verdict]:
        """The links that could not be read now; the next sync looks at them again."""
        return {link: verdict for link, verdict in self.verdicts.items() if verdict.failed is not None}

    @property
    def drifted(self) -> bool:
        """Whether anything is not in step, or not known to be."""
        return bool(self.source.items or self.unfinished or self.known or self.unread)

    @property
    def needs(self) -> Counter[str]:
        """How many links need what: a copy, fields, both; or why they cannot be brought in step."""
        return counted(self.verdicts) + counted(self.known)

    def says(self) -> str:
        """Say in a sentence what is to be done: "12 customers, 31 links on 9 accounts: re-clone 8, update name 4"."""
        drifted = [link for link, verdict in {**self.verdicts, **self.known}.items() if verdict.drifted]
        people, accounts = {link.payer for link in drifted}, {link.account for link in drifted}
        where = f"{_many(len(people), 'customer')}, {_many(len(drifted), 'link')} on {_many(len(accounts), 'account')}"
        needs = self.needs
        clones = needs[Does.CLONE] + needs[Does.BOTH]
        parts = [("re-clone", clones), ("update name", needs[Does.FIELDS] + needs[Does.BOTH])]
        parts += [(code.replace("_", " "), count) for code, count in sorted(needs.items()) if code not in set(Does)]
        return f"{where}: " + ", ".join(f"{what} {count:,}" for what, count in parts if count)


@dataclass(frozen=True, slots=True)
class Synced:
    """What a sync came to.

    Attributes:
        found: what was looked at.
        result: of the run, or None where nothing was out of step.
        continued: earlier syncs that went on, by run.
        exit: the exit code.
    """

    found: Found
    result: RunResult | None
    continued: Sequence[str]
    exit: Exit


async def find(
    services: Services,
    settings: Settings,
    *,
    everybody: bool = False,
    links: Sequence[Link] | None = None,
    lookout: Lookout = QUIETLY,
) -> Found:
    """Look which links are not in step; only reads are sent, and nothing is recorded.

    Args:
        services: what is read with.
        settings: of the operator.
        everybody: look at every link, whatever the events say.
        links: those that there are; None for those of the ledger.
        lookout: told of the reads, once, before they are sent.

    Raises:
        CredentialsError: the key may not look.
        BillingError: the events cannot be read.
    """
    await services.identify()
    past = past_of(services)
    links = [past.with_methods(link) for link in (links_of(services) if links is None else links)]
    changes = await changes_since(services, everybody=everybody)
    wanted = [link for link in _suspects(services, links, changes, past) if link.name not in past.held]
    requests = len({link.payer for link in wanted}) + PER_LINK * len(wanted)
    lookout.foretell(Reads(len(wanted), requests + changes.requests, requests / services.rates.key_rps))
    verdicts = await examine(services, wanted)
    known = {link: verdict for link, verdict in verdicts.items() if _told(link, verdict, past)}
    news = {link: verdict for link, verdict in verdicts.items() if link not in known}
    source = generated(services, news, past, settings.timezone, unguarded(settings.policies))
    return Found(len(links), news, changes, source, len(past.held), known)


def _suspects(services: Services, links: Sequence[Link], changes: Changes, past: Past) -> list[Link]:
    """Return the links to look at: whose customer changed, whom nobody has read yet, and what the last sync left."""
    if changes.payers is None:
        return list(links)
    new = unseen(services, links)
    return [link for link in links if changes.concern(link) or link.name in new or past.is_open(link)]


def _told(link: Link, verdict: Verdict, past: Past) -> bool:
    """Tell whether the latest sync of a link has told the very trouble that it still has."""
    last = past.last.get(link.name)
    return bool(verdict.trouble) and last is not None and last.facts.get("reason_code") == verdict.trouble


async def go_on(services: Services, options: RunOptions, settings: Settings, watch: Watch = unwatched) -> list[str]:
    """Carry on what earlier syncs have not finished, parked links among it; return the runs that had some.

    Raises:
        LedgerError: the ledger failed; nothing was sent after that.
    """
    await services.identify()
    runs = list(past_of(services).unfinished)
    for run_id in runs:
        record = services.ledger.run(run_id)
        policies = unguarded(settings.policies if record is None else policies_of(record, settings))
        await resolve(services, run_id, options, policies, watch)
        await execute(services, run_id, options, policies, watch)
    return runs


async def sync(
    services: Services,
    settings: Settings,
    request: RunRequest,
    *,
    agree: Callable[[Found, Plan], None],
    everybody: bool = False,
    links: Sequence[Link] | None = None,
    watch: Watch = unwatched,
    lookout: Lookout = QUIETLY,
) -> Synced:
    """Bring every link in step that is not: go on, find, plan, ask, carry out, remember.

    Args:
        services: open for writing.
        settings: of the operator; time zone and policies are theirs.
        request: how the run is carried out.
        agree: shown what was found and the plan before anything is sent; it raises to say no.
        everybody: look at every link, whatever the events say.
        links: those that there are; None for those of the ledger.
        watch: told after each item.
        lookout: told of the reads.

    Raises:
        UsageError: somebody said no.
        CredentialsError: the key may not look.
        LedgerError: the ledger failed; nothing was sent after that.
    """
    options = replace(request.run, concurrency=services.rates.items)
    continued = await go_on(services, options, settings, watch)
    found = await find(services, settings, everybody=everybody, links=links, lookout=lookout)
    result = None
    if found.source.items:
        result = await carry_out_run(
            services, found.source, request, agree=lambda plan: agree(found, plan), watch=watch, lookout=lookout
        )
    if result is None or not result.ending.exit:
        await _remember(services, found)
    return Synced(found, result, continued, _exit(services, found, result, continued))


async def _remember(services: Services, found: Found) -> None:
    everything = {**found.verdicts, **found.known}
    examined = {link.name: verdict.failed is None for link, verdict in everything.items()}
    await keep_cursor(services, found.changes, examined)


def _exit(services: Services, found: Found, result: RunResult | None, continued: Sequence[str]) -> Exit:
    """Return what the run earned, or else what went on before it; what is left for the next sync is unfinished."""
    earned = [Exit.OK if result is None else result.exit, *(exit_for(services.ledger.tally(run)) for run in continued)]
    code = next((code for code in earned if code is not Exit.OK), Exit.OK)
    unfinished = past_of(services).held or found.unread
    return Exit.UNFINISHED if code is Exit.OK and unfinished else code


def unguarded(policies: Policies) -> Policies:
    """Return policies by which no run is stopped for what one link met: one account must not keep the others back.

    No request of a sync moves money, and what the key may not do stops it all the same.
    """
    return replace(policies, stop_on=UNGUARDED)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def as_facts(found: Found) -> dict[str, Any]:
    """Return what was found as programs read it: counts alone, and the accounts that could not be read."""
    everything = {**found.verdicts, **found.known}
    return {
        "links": found.links,
        "looked_at": len(everything),
        "everybody": found.changes.payers is None,
        "needs": dict(sorted(found.needs.items())),
        "unfinished": found.unfinished,
        "unread": sorted({link.account for link in found.unread}),
        "in_step": not found.drifted,
    }
