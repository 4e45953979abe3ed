"""What several test folders share: an environment without the machine's own settings, and the command as a process."""

import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.evidence import PREFIX, summed
from tests.postgres import postgres_server_url, postgres_url  # noqa: F401 - fixtures for whoever names them
from tests.warm import billing_process

ROOT = Path(__file__).parent.parent

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
# On a busy machine an example may take any time, and drawing it, too: no law is about that.


@pytest.fixture(autouse=True)
def same_jitter() -> None:
    """Seed the pauses between repeats, which the product draws from the process's own randomness: luck holds no law."""
    random.seed(0)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended."""

    code: int
    out: str
    err: str


def clean_environment(**extra: str) -> dict[str, str]:
    """Return an environment in which only what a test names decides."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **extra}


class Billing:
    """The `billing` command as a real process in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ: dict[str, str] = {"HOME": str(folder / "home")}
        (folder / "home").mkdir()

    def __call__(self, *args: str, environ: Mapping[str, str] | None = None, seconds: float = 90) -> Ended:
        """Run it to its end, without a terminal and with nothing on stdin."""
        with self.start(*args, environ=environ) as process:
            try:
                out, err = process.communicate(timeout=seconds)
            finally:
                process.kill()
        return Ended(process.returncode, out, err)

    def start(self, *args: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start it; the caller ends it."""
        return billing_process(
            args,
            env=clean_environment(**self.environ, **(environ or {})),
            base=clean_environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def pytest_terminal_summary(terminalreporter) -> None:
    """Print the figures that tests recorded; the README shows them (`tests.evidence`)."""
    reports = terminalreporter.stats.get("passed", [])
    lines = [value for report in reports for name, value in report.user_properties if name == "evidence"]
    for line in summed(lines):
        terminalreporter.write_line(PREFIX + line)


@pytest.fixture
def billing(tmp_path: Path) -> Billing:
    """The command, in an empty folder with an empty home."""
    return Billing(tmp_path)
