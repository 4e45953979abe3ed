"""Bring every subscribed customer's copies in step with the platform."""

from typing import Annotated

import typer

from billing.cli.options import Common, Sending, YesOpt


def command(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell what is not in step: exit code 4 when anything is not.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Look at every link, whatever Stripe's events say; its price is shown first.")
    ] = False,
    yes: YesOpt = False,
    sending: Sending,
    common: Common,
) -> int:
    """Keep subscribed customers in step: after a card, name or address changed on the platform, change every copy.

    What changed since the last sync, Stripe's events tell. Each link is copied again, its defaults moved and read, and
    only then the old copy is let go. Nothing is charged. One-off charges need no sync: they copy afresh each time.

    \b
    billing sync
    billing sync --check          tells, changes nothing; exit code 4 when something is not in step
    billing sync --full           once in a while, or after events were lost
    billing sync --live --yes --output json
    """
    from billing.cli.session import begin, run_async
    from billing.cli.syncing import Asked, bring_in_step, tell_drift

    session = begin(common)
    asked = Asked(sending, everybody=full, yes=yes)
    return run_async(tell_drift if check else bring_in_step, session, asked)
