"""The parser: every command of the table, imported when it is meant and not before."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from billing.cli.commands import COMMANDS, GROUPS, load
from billing.cli.othernames import meant
from billing.cli.typed import remembering

HELP = """Charge every item of a run once, on its connected account, with a ledger to prove it.

\b
  billing demo                                       see a whole run against the built-in sandbox
  billing plan coaching.csv --run coaching-2026-11   look before anything is sent
  billing run coaching.csv --run coaching-2026-11    charge; run it again to continue
"""
PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}
# Rich help and tracebacks would cost more time than the whole command line, and tracebacks would show values.


class Commands(typer.core.TyperGroup):
    """The commands of the table below a group, and for what people type instead, what there is.

    Attributes:
        prefix: what the table has before a name: nothing at the top, else the group's name and a blank.
    """

    prefix = ""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002  the parser's types are private to it
        """Return the names, in the order of the table."""
        return list(self._summaries())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        """Import a command, or return None where there is none of that name."""
        if cmd_name not in self.commands:
            path = self.prefix + cmd_name
            if path in COMMANDS:
                self.commands[cmd_name] = _command(path)
            elif path in GROUPS:
                self.commands[cmd_name] = _group(path)
        return self.commands.get(cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the list from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries().items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401
        """Find the command, or say which one is meant."""
        unknown = bool(args) and self.get_command(ctx, args[0]) is None
        sentence = meant(args[0]) if unknown and not self.prefix else ""
        if sentence:
            ctx.fail(f"No such command '{args[0]}': {sentence}")
        if unknown:  # a slip is compared with every name that there is
            for name in self.list_commands(ctx):
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def _summaries(self) -> dict[str, str]:
        found = {name: info.summary for name, info in COMMANDS.items()} | GROUPS
        return dict(_below(self.prefix, found))


def _below(prefix: str, found: dict[str, str]) -> Iterator[tuple[str, str]]:
    for path, summary in found.items():
        name = path.removeprefix(prefix)
        if path.startswith(prefix) and " " not in name:
            yield name, summary


def _command(path: str) -> Any:  # noqa: ANN401
    """Build one command."""
    alone = typer.Typer(add_completion=False, **PLAIN)
    alone.command(path.split()[-1])(remembering(path, load(path)))
    return typer.main.get_command(alone)


def _group(name: str) -> Any:  # noqa: ANN401
    """Build a group of commands."""
    group = typer.Typer(name=name, help=GROUPS[name], cls=Commands, no_args_is_help=True, add_completion=False, **PLAIN)

    @group.callback()
    def _group_alone() -> None:
        """Keep a group a group, whatever is in it."""

    found: Any = typer.main.get_command(group)
    found.prefix = f"{name} "
    return found


def _version(asked: bool) -> None:
    if asked:
        raise typer.Exit(load("version")(output=None))


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Take the options that need no command."""


def command() -> Any:  # noqa: ANN401
    """Return the parser's root command."""
    app = typer.Typer(
        help=HELP,
        add_completion=True,
        no_args_is_help=True,
        cls=Commands,
        context_settings={"help_option_names": ["-h", "--help"]},
        **PLAIN,
    )
    app.callback(help=HELP)(_root)
    return typer.main.get_command(app)
