"""Try again what was declined and is due."""

from typing import Annotated

import typer

from billing.cli.commands.run import seconds_of
from billing.cli.options import AnyRunArg, Chosen, Common, DeclinesOkOpt, ForceOpt, LimitOpt, Sending, YesOpt

MaxFailuresOpt = Annotated[
    int | None,
    typer.Option("--max-failures", metavar="N", min=0, help="Stop after more than so many unpaid items."),
]
DeadlineOpt = Annotated[
    str | None, typer.Option("--deadline", metavar="TIME", help="Start nothing after this long: 90s, 30m, 2h.")
]


def command(
    *,
    run: AnyRunArg = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", metavar="REF=pm_…", help="Go on with this method of its customer. Repeatable."),
    ] = None,
    methods: Annotated[
        str, typer.Option("--methods", metavar="FILE", help="The same from a CSV: reference,payment_method.")
    ] = "",
    no_new_defaults: Annotated[
        bool,
        typer.Option("--no-new-defaults", help="Look up no customers who must act for another default."),
    ] = False,
    closed: Annotated[
        bool,
        typer.Option("--closed", help="Also lines closed unpaid whose customers have saved another default since."),
    ] = False,
    ask: Annotated[
        str,
        typer.Option("--ask", metavar="FILE", help="Only write whom to ask, a CSV with a link each (- for stdout)."),
    ] = "",
    force: ForceOpt = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show who would be tried, and who not.")] = False,
    chosen: Chosen,
    sending: Sending,
    yes: YesOpt = False,
    limit: LimitOpt = None,
    max_failures: MaxFailuresOpt = None,
    deadline: DeadlineOpt = None,
    declines_ok: DeclinesOkOpt = False,
    common: Common,
) -> int:
    """Try again what was declined and is due: of one run, or of every run of this mode.

    Shows first who is tried, who not, and until when; asks, since it moves money. Safe every day: where nothing is due,
    nothing is asked and nothing sent. A line without another try is closed; it is tried with another card only when
    that is said, for it may have been paid otherwise since.

    \b
    billing retry coaching-2026-11
    billing retry --yes                       every day, from a scheduler
    billing retry coaching-2026-11 --method INV-7=pm_1Abc
    billing retry coaching-2026-11 --ask ask.csv
    """
    from billing.cli.retrying import Asked, carry_out
    from billing.cli.session import begin, run_async
    from billing.flow.options import RunOptions

    session = begin(common)
    options = RunOptions(chosen.as_selection(), limit, max_failures, seconds_of(deadline), declines_ok=declines_ok)
    asked = Asked(
        run,
        options,
        sending,
        tuple(method or ()),
        methods,
        new_defaults=not no_new_defaults,
        closed=closed,
        ask=ask,
        force=force,
        dry_run=dry_run,
        yes=yes,
    )
    return run_async(carry_out, session, asked)
