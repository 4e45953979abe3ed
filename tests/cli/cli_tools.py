"""Working with a sandbox and with processes, as several tests need it."""

import contextlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.conftest import clean_environment

KEY = "sk_test_rehearsal12345678"
ID = "rehearsal-2026-11"
RUN = ("--run", ID)

SANDBOX = """
limits: {platform_rate: 0, endpoint_rate: 0}
latency: {median_seconds: 0.01}
"""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A running sandbox and the sheet that charges its payers."""

    url: str

    def ask(self, name: str, body: dict[str, Any] | None = None) -> Any:
        """Use the sandbox's control plane."""
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_sandbox/{name}", data=data), timeout=10) as answer:  # noqa: S310  loopback
            return json.loads(answer.read())


def read_line(process: subprocess.Popen[str]) -> str:
    """Read one line of a process's stdout; a process that ended says nothing."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process ended"
    return line


def on_a_terminal(billing, *args: str, question: str, reply: str) -> tuple[int, str]:
    """Run the command on a terminal of its own, answer its question, and return its exit code and what it showed.

    A command that goes on waiting for another answer is ended, and what it showed is told.
    """
    inner, outer = pty.openpty()
    environ = clean_environment(**billing.environ, TERM="xterm", COLUMNS="120")
    command = [sys.executable, "-m", "billing.cli.main", *args]
    process = subprocess.Popen(command, cwd=billing.folder, env=environ, stdin=outer, stdout=outer, stderr=outer)
    os.close(outer)
    shown = b""
    with contextlib.suppress(OSError):  # a terminal whose last program has ended
        while part := _read_on(inner, process, shown):
            shown += part
            if question.encode() in shown and reply:
                os.write(inner, f"{reply}\n".encode())
                reply = ""
    os.close(inner)
    return process.wait(timeout=30), shown.decode()


def _read_on(terminal: int, process: subprocess.Popen[bytes], shown: bytes, seconds: float = 60) -> bytes:
    """Read what the command shows next; silence for longer than it can need means that it waits for somebody."""
    if not select.select([terminal], [], [], seconds)[0]:
        process.kill()
        raise AssertionError(f"it waits for another answer; it showed\n{shown.decode()}")
    return os.read(terminal, 65536)


def everything_written(folder: Path) -> bytes:
    """Every byte in every file below a folder."""
    return b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def wait_until(true, seconds: float = 30) -> None:
    """Wait for something that another process brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def send_signal(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal to a process the test has started."""
    os.kill(process.pid, number)
