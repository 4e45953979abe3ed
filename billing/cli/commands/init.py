"""Write what a newcomer edits: settings, an empty sheet with every column, and a sample run."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from billing.cli.terminal import write_out
from billing.core.errors import UsageError
from billing.core.exits import Exit


def command(
    folder: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write.")] = Path(),
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="Of the sample run: charges, payers or subscriptions.")
    ] = "charges",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> int:
    """Write billing.yaml, a CSV template and a sample run.

    \b
    billing init
    billing init billing-november
    billing init --kind subscriptions members
    """
    from billing.cli.samples import SAMPLES
    from billing.edge.logs import visible
    from billing.edge.privatefile import write_private
    from billing.edge.settings.table import settings_as_yaml
    from billing.edge.texts.problems import suggestion

    if kind not in SAMPLES:
        raise UsageError(f"there is no sample of {kind!r}, and nothing was written: {suggestion(kind, SAMPLES)}")
    sample = SAMPLES[kind]
    files = {"billing.yaml": settings_as_yaml(), **sample.files}
    there = [name for name in files if (folder / name).exists() or (folder / name).is_symlink()]
    if there and not force:
        raise UsageError(f"{', '.join(there)} already there in {folder}; nothing was written (--force replaces them)")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made: {error.strerror}") from None
    for name, text in files.items():
        write_private(folder / name, [text])
    go = "" if folder == Path() else f"cd {shlex.quote(visible(str(folder)))} && "
    wrote = [f"wrote {visible(str(folder / name))}" for name in files]
    following = f"  {go}billing check {sample.name}.csv --run {sample.name}-2026-11"
    write_out("".join(line + "\n" for line in [*wrote, "Next:", following, sample.note]))
    return Exit.OK
