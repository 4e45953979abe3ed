"""Draw the README's picture from a real demo: python .readme/picture.py"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

HERE = Path(__file__).parent
WIDTH = 84
SHOWN = ("$ billing plan", "$ billing run", "the sandbox's own books")
COLOURS = {
    r"^\$ .*": "bold green",
    r"^# .*": "dim",
    r"Totals agree with the sheet|control totals agree": "bold green",
    r"\b0 paid twice": "bold green",
    r"^Run \S+|^coaching-2026-11\s": "bold",
    r"^  paid\b": "green",
    r"^  (on its way|customer must act|declined for \w+)": "yellow",
    r"^ +billing .*$": "cyan",
}


def demo() -> list[str]:
    """Return the lines of a demo as it is printed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "billing.cli.main", "demo", "--dir", f"{folder}/billing-demo"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  our own command
    return [line.replace(f"{folder}/", "") for line in done.stdout.splitlines()]


def chosen(lines: list[str]) -> list[str]:
    """Return the plan, the run and the proof."""
    start = next(n for n, line in enumerate(lines) if line.startswith(SHOWN[0]))
    end = next(n for n, line in enumerate(lines) if line.startswith("Ended with exit"))
    proof = next(line for line in lines if line.startswith(SHOWN[2]))
    return [*lines[start - 1 : end + 1], "", proof]


def main() -> None:
    """Write run.svg."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        for line in chosen(demo()):
            text = Text(line, no_wrap=True, overflow="ellipsis")
            for pattern, style in COLOURS.items():
                text.highlight_regex(pattern, style)
            console.print(text)
    svg = console.export_svg(title="billing demo", font_aspect_ratio=0.61)
    # No font from elsewhere: the picture must not ask a third party for anything.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace")
    (HERE / "run.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
