"""Play a whole run against a sandbox in this process."""

from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import Logging

ITEMS, PEOPLE = 300, 12
# Charges of the first act, people of the second.


def command(
    *,
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where its files go.")] = Path("billing-demo"),
    items: Annotated[
        int | None,
        typer.Option("--items", metavar="N", min=10, max=5000, help="How many charges (300), or people (12)."),
    ] = None,
    recurring: Annotated[
        bool, typer.Option("--recurring", help="The second act: saved cards, subscriptions, a changed card, renewals.")
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the faults: the same seed, the same trouble.")
    ] = 1,
    common: Logging,
) -> int:
    """Show a whole run against the built-in sandbox.

    Plan, charges, declines and faults survived, report, in about a minute. No key and no network needed; nothing real
    is charged.

    \b
    billing demo
    billing demo --items 1000 --dir /tmp/demo
    billing demo --recurring
    """
    from billing.cli.demonstration import config_of, make_room, play
    from billing.cli.demonstration_recurring import play as play_recurring
    from billing.cli.session import run_async

    make_room(folder)
    if recurring:
        return run_async(play_recurring, common, folder, PEOPLE if items is None else items, config_of(seed))
    return run_async(play, common, folder, ITEMS if items is None else items, config_of(seed))
