"""Whatever happens to the streams of a process, it ends with a code of the table, and what it did stays done."""

import contextlib
import csv
import io
import os
import signal
import subprocess
import sys

import pytest
from cli_tools import ID, KEY, RUN

from billing.core.exits import Exit
from tests.conftest import clean_environment

READING = [("--help",), ("config", "show"), ("nonsense",), ("status", ID), ("report", ID, "--format", "csv")]
CLOSED = ["0<&-", "1>&-", "2>&-", "0<&- 1>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"]


def shell(billing, redirected: str, *args: str, module: str = "billing") -> subprocess.CompletedProcess[str]:
    """Run the command with its streams redirected by a shell, as a scheduler or a person does."""
    line = f'exec "$0" -m {module} "$@" {redirected}'
    environ = clean_environment(**billing.environ)
    command = ["bash", "-c", line, sys.executable, *args]
    return subprocess.run(
        command, cwd=billing.folder, env=environ, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.mark.parametrize("redirected", [*CLOSED, "2>/dev/full"])
def test_streams_that_are_closed_or_a_log_that_cannot_be_written_change_no_exit_code(finished, redirected):
    for args in READING:
        assert shell(finished.billing, redirected, *args).returncode == finished.billing(*args).code, args


def test_an_answer_that_cannot_be_written_is_no_success_and_is_said(finished):
    for args in READING:
        told = shell(finished.billing, ">/dev/full", *args)
        usual = finished.billing(*args).code
        assert told.returncode == (usual or Exit.STOPPED), args
        assert ("stdout cannot be written" in told.stderr) == (args != ("nonsense",))


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_is_gone_is_no_failure(finished, stream):
    for args in READING:
        read, write = os.pipe()
        os.close(read)
        command = [sys.executable, "-m", "billing", *args]
        environ = clean_environment(**finished.billing.environ)
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: write}
        told = subprocess.run(command, cwd=finished.billing.folder, env=environ, text=True, check=False, **streams)
        os.close(write)
        assert told.returncode == finished.billing(*args).code, args
        assert "Errno" not in (told.stderr or "")


@pytest.mark.parametrize("redirected", ["1>&-", "0<&- 1>&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("module", ["billing", "jobs.monthly_run"])
def test_a_run_keeps_its_exit_code_whatever_becomes_of_its_streams(billing, rehearsal, redirected, module):
    billing.environ |= {"STRIPE_API_KEY": KEY, "BILLING_RATE_SHARE": "1", "BILLING_PER_ACCOUNT_RPS": "25"}
    args = ("run", "rehearsal.csv", *RUN, "--yes") if module == "billing" else ("rehearsal.csv", *RUN)
    told = shell(billing, redirected, *args, module=module)
    again = billing("run", "rehearsal.csv", *RUN, "--yes")
    assert told.returncode == again.code
    assert rehearsal.ask("books")["doubles"] == []
    assert billing("ledger", "verify").code == 0


@pytest.mark.parametrize("encoding", ["cp1252", "ascii:strict"])
def test_what_is_written_is_utf_8_whatever_the_locale(billing, rehearsal, encoding):
    billing.environ |= {"STRIPE_API_KEY": KEY, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C"}
    lines = (billing.folder / "rehearsal.csv").read_text(encoding="utf-8").splitlines()
    names = lines[0].split(",")
    assert "description" in names
    row = next(csv.reader([lines[1]]))
    row[names.index("description")] = "11月分 Größe"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(row)
    (billing.folder / "one.csv").write_text(lines[0] + "\n" + out.getvalue(), encoding="utf-8")
    billing("run", "one.csv", *RUN, "--yes")
    command = [sys.executable, "-m", "billing", "report", ID, "--format", "csv"]
    environ = clean_environment(**billing.environ)
    done = subprocess.run(command, cwd=billing.folder, env=environ, capture_output=True, check=True)
    assert "11月分 Größe".encode() in done.stdout


def test_ctrl_c_at_a_question_leaves_at_once(billing, rehearsal):
    import pty

    billing.environ |= {"STRIPE_API_KEY": KEY}
    inner, outer = pty.openpty()
    command = [sys.executable, "-m", "billing", "run", "rehearsal.csv", *RUN, "--rate", "200"]
    environ = clean_environment(**billing.environ, TERM="xterm", COLUMNS="80")
    process = subprocess.Popen(command, cwd=billing.folder, env=environ, stdin=outer, stdout=outer, stderr=outer)
    os.close(outer)
    shown = b""
    while b"Type yes: " not in shown:
        shown += os.read(inner, 65536)
    process.send_signal(signal.SIGINT)
    rest = b""
    with contextlib.suppress(OSError):  # a terminal whose last program has ended; until then it may give any part
        while part := os.read(inner, 65536):
            rest += part
    os.close(inner)
    assert process.wait(timeout=30) == Exit.INTERRUPTED
    assert rest.startswith(b"\r\n")
    assert b"nothing was sent" in rest
    assert rest.endswith(b"\n")
    assert rehearsal.ask("books")["intents"] == []
