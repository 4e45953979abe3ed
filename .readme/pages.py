"""Photograph the pages of a real demo for the README: python .readme/pages.py"""

import base64
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
RUN = "coaching-2026-11"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu"]
SIZE = {"width": 1240, "height": 1130}
# Pixels of a page, of which a picture shows the top.
WIDTH = 1600
# Pixels of both beside each other.
FRAME = """<!doctype html><style>body{margin:0;padding:20px;display:flex;gap:20px;background:#e4e4df}
img{width:calc(50% - 10px);border-radius:8px}</style>"""


def billing(folder: Path, *args: str) -> str:
    """Run a command in the folder of a demo, and return what it printed."""
    done = subprocess.run(  # noqa: S603  our own command
        [sys.executable, "-m", "billing.cli.main", *args], capture_output=True, text=True, check=True, cwd=folder,
        env=environment(folder),
    )  # fmt: skip
    return done.stdout


def environment(folder: Path) -> dict[str, str]:
    """Return where the ledger of a demo is."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ledger = {"BILLING_LEDGER": f"sqlite:///{folder}/billing.db", "BILLING_LEDGER_KEY_FILE": f"{folder}/ledger.key"}
    return kept | ledger


def most_told(folder: Path) -> str:
    """Return the reference of a line that was paid in the end, although its answer was lost."""
    entries = [json.loads(line) for line in billing(folder, "ledger", "events", "--output", "json").splitlines()]
    lost = {entry["reference"] for entry in entries if entry["name"] == "charge_lost"}
    return next(
        each["reference"] for each in entries if each["name"] == "charge_succeeded" and each["reference"] in lost
    )


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the ledger of a demo while the context lasts; give the address that lets in."""
    command = [sys.executable, "-m", "billing.cli.main", "serve"]
    with subprocess.Popen(  # noqa: S603  our own command
        command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment(folder)
    ) as process:
        try:
            told = process.stdout.readline() if process.stdout else ""
            yield next(word for word in told.split() if word.startswith("http"))
        finally:
            process.terminate()


def photographs(browser: Browser, folder: Path) -> list[bytes]:
    """Return the top of the report, and the life of one line."""
    page = browser.new_context(viewport=SIZE).new_page()
    page.goto((folder / "report.html").as_uri())
    report = page.screenshot()
    with serving(folder) as url:
        page.goto(url)
        page.goto(f"{url.partition('?')[0]}item?run={RUN}&reference={quote(most_told(folder))}")
        return [report, page.screenshot()]


def main() -> None:
    """Write pages.png."""
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        folder = Path(place) / "billing-demo"
        billing(Path(place), "demo", "--dir", str(folder))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        shown = (base64.b64encode(each).decode() for each in photographs(browser, folder))
        frame = browser.new_context(viewport={"width": WIDTH, "height": 100}).new_page()
        frame.set_content(FRAME + "".join(f'<img src="data:image/png;base64,{each}">' for each in shown))
        frame.screenshot(path=HERE / "pages.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
