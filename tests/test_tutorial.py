"""The tutorial does what it says: its blocks are pasted into one shell, and each shows what stands under it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import clean_environment

PAGE = Path(__file__).parent.parent / "configs" / "TUTORIAL.md"
_BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "\x1e"
QUICK = {"BILLING_RATE_SHARE": "1", "BILLING_PER_ACCOUNT_RPS": "25"}
# Nobody else uses this Stripe.
PATIENCE = 300
# Seconds for all of it; a command that waits for somebody would wait for ever.


@dataclass(frozen=True, slots=True)
class Block:
    """What is pasted, and the lines that must be seen of it, in this order."""

    pasted: str
    shown: tuple[str, ...]


def blocks() -> Iterator[Block]:
    """Return the blocks of the page."""
    found = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    for at, (kind, text) in enumerate(found):
        if kind == "sh":
            follows = found[at + 1] if at + 1 < len(found) else ("", "")
            yield Block(text, tuple(follows[1].splitlines()) if follows[0] == "text" else ())


def pasted(folder: Path, every: list[Block]) -> list[str]:
    """Paste the blocks one after another, and return what was seen of each, with its exit code at the end."""
    script = "".join(f"{block.pasted}printf '%s\\n{END}' \"exit code $?\"\n" for block in every)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = clean_environment(HOME=str(folder), PATH=path, **QUICK)
    done = subprocess.run(
        ["bash", "-m"], input=script, cwd=folder, env=environ,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return done.stdout.split(END)[: len(every)]


def test_each_block_of_the_tutorial_ends_well_and_shows_what_stands_under_it(tmp_path: Path) -> None:
    every = list(blocks())
    assert len(every) > 5
    for block, seen in zip(every, pasted(tmp_path, every), strict=True):
        assert seen.rstrip().endswith("exit code 0"), f"{block.pasted}\n{seen}"
        rest = " ".join(seen.split())
        for line in block.shown:
            _, found, rest = rest.partition(" ".join(line.split()))
            assert found, f"{line!r} is not shown by\n{block.pasted}\n{seen}"
