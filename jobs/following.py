"""What the two jobs beside the run have in common: they look, tell whoever is told, and charge nobody."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from billing.core.items import Mode
from billing.edge.eventloop import run
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.opening import open_ledger
from billing.edge.logs import Log
from billing.edge.settings.load import Settings, load_settings
from billing.edge.stripe.clock import ProviderClock
from billing.flow.engine.progress import Watch, telling
from billing.flow.follow import Following, follow
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.report import known_run
from jobs.process import Parser, answer, job_log


@dataclass(frozen=True, slots=True)
class Job:
    """What the schedule asks for; see the options of `billing resolve` and `billing settle` of the same names."""

    run: str | None = None
    config: Path | None = None
    live: bool = False
    declines_ok: bool = False
    wait: int | None = None


def job_of(verb: str, about: str, argv: Sequence[str]) -> Job:
    """Read the command line of a job."""
    parser = Parser(prog=f"python -m jobs.{verb}", description=about)
    parser.add_argument("run", metavar="RUN", nargs="?", help="one run; all of this mode unless said")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings instead of billing.yaml here or above")
    parser.add_argument("--live", action="store_true", help="needed for live runs; without a run it means those")
    parser.add_argument("--declines-ok", action="store_true", help="declines alone give exit code 0 instead of 4")
    parser.add_argument("--wait", metavar="SECONDS", type=int, help="for another runner to let go of the ledger")
    return Job(**vars(parser.parse_args(argv)))


def carry_out(verb: str, job: Job, environ: Mapping[str, str]) -> int:
    """Look through the runs, and answer with their summaries."""
    settings = load_settings(environ, {"log_format": "json"}, job.config)
    return run(_followed, verb, job, settings, environ, job_log(settings, environ))


async def _followed(verb: str, job: Job, settings: Settings, environ: Mapping[str, str], log: Log) -> int:
    @contextmanager
    def watching(title: str) -> Iterator[Watch]:
        yield telling(log, title)

    mode = await _mode_of(job, settings, environ)
    opening = ServiceOptions(mode, f"job {verb}", live=job.live, wait=job.wait, making=Making.NEVER)
    async with open_services(settings, environ, opening, log) as services:
        asked = Following(verb, job.run, settings, environ, job.declines_ok, watching)
        log("job_started", verb=verb, run=job.run or "", mode=str(mode), ledger=settings.ledger)
        followed = await follow(services, asked)
        answer(followed.summary(services))
        log("job_finished", verb=verb, runs=list(followed.runs), exit_code=int(followed.exit))
        return followed.exit


async def _mode_of(job: Job, settings: Settings, environ: Mapping[str, str]) -> Mode:
    """Return the mode of the run that is named; without one, whoever types --live means live runs."""
    if job.run is None:
        return Mode.LIVE if job.live else settings.mode
    ledger = await open_ledger(
        settings.ledger,
        key_file=settings.ledger_key_file,
        clock=ProviderClock().now,
        write=False,
        environ=environ,
    )
    try:
        return known_run(ledger, job.run).mode
    finally:
        await ledger.aclose()
