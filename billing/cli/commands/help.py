"""Print help, as ``--help`` does, for whoever types it as a command."""

from typing import Annotated

import typer


def command(
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]", help="Of which command.")] = None,
) -> int:
    """Print help: of everything, or of one command.

    \b
    billing help run
    billing help ledger rebuild
    """
    from billing.cli.main import run

    return run([*(command or []), "--help"])
