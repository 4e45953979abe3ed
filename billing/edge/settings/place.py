"""Where the settings and the ledger lie when nobody names them: from the current folder upwards, as far as is safe.

So a command means the same ledger from every folder of a project. What is found and what would be made is decided here
alone; two ledgers that could both be meant are never chosen between.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SETTINGS_FILE, LEDGER_FILE = "billing.yaml", "billing.db"
OTHERS_WRITE = 0o002


@dataclass(frozen=True, slots=True)
class DefaultLedger:
    """The ledger that is meant when none is named.

    Attributes:
        url: of it.
        source: how `billing config show` says where it comes from.
        trouble: why it cannot be told which one is meant; empty when it can.
    """

    url: str
    source: str = "default"
    trouble: str = ""


def searched(start: Path, home: Path | None) -> Iterator[Path]:
    """Yield a folder and those above it: below the home folder, owned by this user or root, not open to everybody.

    What lies in a folder that others can write to, such as /tmp, could send a key anywhere.
    """
    yield start
    for folder in start.parents:
        if folder in (home, Path(folder.anchor)) or not _trusted(folder):
            return
        yield folder


def _trusted(folder: Path) -> bool:
    try:
        found = folder.stat()
    except OSError:
        return False
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & OTHERS_WRITE


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def settings_file(start: Path, home: Path | None) -> Path | None:
    """Return the nearest settings file, or None."""
    places = (folder / SETTINGS_FILE for folder in searched(start, home))
    return next((path for path in places if _is_there(path)), None)


def default_ledger(start: Path, home: Path | None, settings: Path | None, run_file: Path | None) -> DefaultLedger:
    """Return which ledger is meant.

    One that is there wins: in this folder, or above it as far as the settings file. Otherwise one is made beside the
    settings file; without any, beside a run file of a folder above, or here.

    Args:
        start: the current folder, absolute.
        home: where the search ends.
        settings: the settings file that was found; None when there is none, or it was named.
        run_file: as typed; None for a command without one, and for standard input.
    """
    chain = list(searched(start, home))
    if settings is not None and settings.parent in chain:
        chain = chain[: chain.index(settings.parent) + 1]
    beside = None if run_file is None else (start / run_file).resolve().parent
    there = [folder for folder in chain if _is_there(folder / LEDGER_FILE)]
    apart = _apart(chain, beside, home)
    if apart is not None and there:
        there.append(apart)
    if len(there) > 1:
        return DefaultLedger(url_of(there[0], start), trouble=_several([each / LEDGER_FILE for each in there]))
    if apart is not None:
        return DefaultLedger(url_of(start, start), trouble=_by_the_run_file(start, apart / LEDGER_FILE))
    if there:
        return _placed(there[0], start, "found")
    if settings is not None:
        return _placed(settings.parent, start, "beside the settings")
    return _placed(beside if beside in chain and beside is not None else start, start, "beside the run file")


def _apart(chain: list[Path], beside: Path | None, home: Path | None) -> Path | None:
    """Return the folder of a ledger that lies by the run file and that no search from here meets, or None."""
    if beside is None or beside in chain:
        return None
    return next((each for each in searched(beside, home) if each not in chain and _is_there(each / LEDGER_FILE)), None)


def _placed(folder: Path, start: Path, how: str) -> DefaultLedger:
    return DefaultLedger(url_of(folder, start), "default" if folder == start else f"default, {how} in {folder}")


def url_of(folder: Path, start: Path) -> str:
    """Return the URL of the ledger in a folder, relative where that is the current one."""
    return f"sqlite:///{LEDGER_FILE}" if folder == start else f"sqlite:///{folder / LEDGER_FILE}"


def _several(places: list[Path]) -> str:
    named = " and ".join(map(str, places))
    return (
        f"no ledger is named, and {len(places)} could be meant: {named}. Name the one that holds your runs: "
        f"--ledger sqlite:///{places[0]} (or ledger: in {SETTINGS_FILE}). Nothing was sent"
    )


def _by_the_run_file(start: Path, place: Path) -> str:
    return (
        f"no ledger is named, there is none in {start}, and one lies by the run file: {place}. If it is meant: "
        f"--ledger sqlite:///{place}; for a new one: --ledger sqlite:///{start / LEDGER_FILE}. Nothing was sent"
    )
