"""Print a script for completion in a shell."""

from enum import StrEnum
from typing import Annotated

import typer

from billing.cli.terminal import write_out
from billing.core.exits import Exit


class Shell(StrEnum):
    """Shells whose completion can be printed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def command(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Whose.")],
) -> int:
    """Print a script for completion in your shell.

    \b
    source <(billing completion bash)          # in ~/.bashrc or ~/.zshrc
    billing completion fish > ~/.config/fish/completions/billing.fish
    """
    from typer._completion_shared import get_completion_script

    write_out(get_completion_script(prog_name="billing", complete_var="_BILLING_COMPLETE", shell=shell) + "\n")
    return Exit.OK
