"""Say which release this is, and whether it is one."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

from billing import __version__
from billing.cli.options import Output, OutputOpt
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit

LEDGER_FORMAT = 3
# `billing.edge.ledger.kind_rows.VERSION`; naming it here costs no import of the database.


def command(
    output: OutputOpt = None,
) -> int:
    """Print the version, and the ledger format of it.

    \b
    billing version
    billing version --output json
    """
    released = "dev" not in __version__
    if output is Output.JSON:
        write_json(
            {
                "version": __version__,
                "released": released,
                "ledger_format": LEDGER_FORMAT,
                "python": platform.python_version(),
                "stripe": _of("stripe"),
            }
        )
        return Exit.OK
    about = "" if released else "   not a release: what will be new stands under Unreleased in CHANGELOG.md"
    write_out(f"billing {__version__}{about}\n")
    return Exit.OK


def _of(package: str) -> str | None:
    try:
        return installed(package)
    except PackageNotFoundError:
        return None
