"""Work the shards of runs, beside other workers."""

from typing import Annotated

import typer

from billing.cli.options import Common, ConcurrencyOpt, Sending


def command(
    *,
    name: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="What this worker is called, at its next start too; else the host."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option("--resume", metavar="ID", help="Put back what this worker held, which is dead, and end."),
    ] = None,
    until_done: Annotated[
        str | None, typer.Option("--until-done", metavar="RUN", help="End when this run, once handed out, is over.")
    ] = None,
    shards: Annotated[
        int,
        typer.Option("--shards", metavar="N", min=1, max=16, help="Shards at once; what was said last holds for all."),
    ] = 2,
    concurrency: ConcurrencyOpt = None,
    launcher: Annotated[int | None, typer.Option("--launcher", hidden=True)] = None,
    sending: Sending,
    common: Common,
) -> int:
    """Work what billing run --detach, or --workers, has handed out, until it is told to stop (Ctrl-C, SIGTERM).

    Any number of workers share one PostgreSQL ledger, its key file and one rate budget; each needs an id that no other
    has and that stays: the name of its pod, or --id. What a worker held when it died, the others go on with within
    seconds; nothing is charged twice. When the ledger's server goes away a worker waits for it and goes on.

    \b
    billing run coaching.csv --detach --yes       hand a run out
    billing worker                                work it, on as many machines as you like
    billing worker --id w0 --until-done coaching-2026-11
    billing worker --resume w0                    at once, after its machine was lost
    """
    from billing.cli.session import begin, run_async
    from billing.cli.working import Wish, put_back, speaking, work
    from billing.core.items import Mode
    from billing.edge.engines.opening import worker_id

    session = begin(common) if launcher is not None else speaking(begin(common))
    mode = Mode.LIVE if sending.live else session.settings.mode
    if resume is not None:
        return run_async(put_back, session, worker_id(resume, {}))
    named = worker_id(name, session.environ)
    wish = Wish(named, mode, sending, concurrency=concurrency, shards=shards, until_done=until_done, launcher=launcher)
    return run_async(work, session, wish)
