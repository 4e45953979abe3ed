"""All commands in the order a newcomer needs them."""

from typing import Annotated, Any

import typer

from billing.cli import charging, reading, starting
from billing.cli.othernames import meant
from billing.cli.typed import Verb, remembering

HELP = """Charge every item of a run once, on its connected account, with a ledger to prove it.

\b
  billing demo                                       see a whole run against the built-in sandbox
  billing plan coaching.csv --run coaching-2026-11   look before anything is sent
  billing run coaching.csv --run coaching-2026-11    charge; run it again to continue
"""


class Commands(typer.core.TyperGroup):
    """The commands, and for what people type instead, what there is."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  the parser's types are private to it
        """Find the command, or say which one is meant."""
        sentence = meant(args[0]) if args and self.get_command(ctx, args[0]) is None else ""
        if sentence:
            ctx.fail(f"No such command '{args[0]}': {sentence}")
        return super().resolve_command(ctx, args)


def _version(asked: bool) -> None:
    if asked:
        raise typer.Exit(starting.version())


def _root(
    _version: Annotated[
        bool,
        typer.Option("--version", "-V", is_eager=True, callback=_version, help="Print the version and leave."),
    ] = False,
) -> None:
    """Take the options that need no command."""


VERBS: dict[str, Verb] = {
    "demo": starting.demo,
    "init": starting.init,
    "check": charging.check,
    "plan": charging.plan,
    "run": charging.run,
    "status": reading.status,
    "resolve": charging.resolve,
    "settle": charging.settle,
    "report": reading.report,
    "cancel": charging.cancel,
    "doctor": starting.doctor,
    "sandbox": starting.sandbox,
    "completion": starting.completion,
    "version": starting.version,
    "help": starting.help_,
    "ledger verify": reading.verify,
    "ledger events": reading.events,
    "ledger rebuild": charging.rebuild,
    "config show": starting.show,
}
# Every command by its name, groups with a blank, in the order of the help.


def build() -> typer.Typer:
    """Put the commands together; none of them is imported before it is used."""
    # Rich help and tracebacks would cost more time than the whole command line, and tracebacks would show values.
    app = typer.Typer(
        help=HELP,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=True,
        no_args_is_help=True,
        cls=Commands,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=HELP)(_root)
    for name, verb in VERBS.items():
        if " " not in name:
            app.command(name)(remembering(name, verb))
    app.add_typer(_group("ledger", "The record: is it sound, what it holds; rebuild it."))
    app.add_typer(_group("config", "The settings and where they come from."))
    return app


def _group(name: str, help_text: str) -> typer.Typer:
    group = typer.Typer(name=name, help=help_text, rich_markup_mode=None, no_args_is_help=True)

    @group.callback()
    def _group_alone() -> None:
        """Keep a group a group even while it has a single command."""

    for path, verb in VERBS.items():
        if path.startswith(f"{name} "):
            group.command(path.removeprefix(f"{name} "))(remembering(path, verb))
    return group


def command() -> Any:  # noqa: ANN401  the parser's own command type is private to it
    """The parser's root command."""
    return typer.main.get_command(build())
