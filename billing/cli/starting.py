"""The commands around a run: trying it out, setting it up, checking the surroundings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from billing.cli.options import (
    ApiBaseOpt,
    ConfigOpt,
    ForceOpt,
    LedgerOpt,
    LiveOpt,
    LogFormatOpt,
    LogLevelOpt,
    OutputOpt,
)


class Shell(StrEnum):
    """Shells whose completion can be printed."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def demo(
    folder: Annotated[Path, typer.Option("--dir", metavar="DIR", help="Where its files go.")] = Path("billing-demo"),
    items: Annotated[int, typer.Option("--items", metavar="N", min=10, max=5000, help="How many charges.")] = 300,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the faults: the same seed, the same trouble.")
    ] = 1,
    log_level: LogLevelOpt = None,
) -> int:
    """Show a whole run against the built-in sandbox.

    Plan, charges, declines and faults survived, report, in about a minute. No key and no network needed; nothing real
    is charged.

    \b
    billing demo
    billing demo --items 1000 --dir /tmp/demo
    """
    from billing.cli.session import Common
    from billing.cli.verbs.demo import demo as verb

    return verb(Common(log_level=log_level), folder, items, seed)


def init(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> int:
    """Write billing.yaml, a CSV template and a sample run.

    \b
    billing init
    billing init billing-november
    """
    from billing.cli.verbs.init import init as verb

    return verb(folder, force=force)


def doctor(
    live: LiveOpt = False,
    write_probes: Annotated[
        bool, typer.Option("--write-probes", help="With --live: test write permissions, by requests that must fail.")
    ] = False,
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Check key, each permission, clock, ledger and versions. Makes nothing, moves no money.

    Write permissions are tested by requests that can only fail; with --live only when --write-probes asks for it.

    \b
    billing doctor
    billing doctor --live
    """
    from billing.cli.session import Common
    from billing.cli.verbs.doctor import doctor as verb

    common = Common(config, ledger, api_base, output, log_format, log_level)
    return verb(common, live=live, write_probes=write_probes)


def sandbox(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Seed, limits, faults: configs/sandbox.yaml.")
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 12111,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Of ids, latency and faults.")] = None,
    items: Annotated[int, typer.Option("--items", metavar="N", min=0, max=100_000, help="Payers to make up.")] = 0,
    accounts: Annotated[
        int, typer.Option("--accounts", metavar="N", min=1, max=1000, help="Accounts they pay on.")
    ] = 5,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="PATH", help="A run file that charges them.")
    ] = None,
    force: ForceOpt = False,
    log_level: LogLevelOpt = None,
) -> int:
    """Serve a stateful Stripe on this machine to rehearse against.

    Stop it with Ctrl-C. What it holds is gone then.

    \b
    billing sandbox --items 200 --out rehearsal.csv
    billing sandbox --config configs/sandbox.yaml --port 0
    """
    from billing.cli.session import Common
    from billing.cli.verbs.sandbox import SandboxAsked
    from billing.cli.verbs.sandbox import sandbox as verb

    return verb(Common(log_level=log_level), SandboxAsked(config, port, seed, items, accounts, out, force))


def show(
    config: ConfigOpt = None,
    ledger: LedgerOpt = None,
    api_base: ApiBaseOpt = None,
    output: OutputOpt = None,
    log_format: LogFormatOpt = None,
    log_level: LogLevelOpt = None,
) -> int:
    """Print every setting and where it comes from.

    Of the key only its beginning and its last four characters are shown.

    \b
    billing config show
    """
    from billing.cli.session import Common
    from billing.cli.verbs.config import show as verb

    return verb(Common(config, ledger, api_base, output, log_format, log_level))


def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Whose.")],
) -> int:
    """Print a script for completion in your shell.

    \b
    source <(billing completion bash)          # in ~/.bashrc or ~/.zshrc
    billing completion fish > ~/.config/fish/completions/billing.fish
    """
    from typer._completion_shared import get_completion_script

    from billing.cli.terminal import write_out

    write_out(get_completion_script(prog_name="billing", complete_var="_BILLING_COMPLETE", shell=shell) + "\n")
    return 0


def help_(
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]", help="Of which command.")] = None,
) -> int:
    """Print help: of everything, or of one command.

    \b
    billing help run
    billing help ledger rebuild
    """
    from billing.cli.main import run

    return run([*(command or []), "--help"])


def version(output: OutputOpt = None) -> int:
    """Print the version, and the ledger format of it.

    \b
    billing version
    billing version --output json
    """
    from billing.cli.verbs.version import version as verb

    return verb(output)
