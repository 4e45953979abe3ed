"""What the page's README has people paste works as it stands there, on a free port."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from tests.conftest import ROOT, clean_environment

README = (ROOT / "billing/edge/collect/README.md").read_text()


def pasted(sandbox: str, page: int) -> str:
    """Return the second block of "Try it", with ports of the test's own and nothing that goes on for ever."""
    block = README.partition("## Try it")[2].split("```sh\n")[2].partition("```")[0]
    assert block.rstrip().endswith("\nbilling collect")
    block = block.replace("http://127.0.0.1:12111", sandbox).replace("127.0.0.1:8484", f"127.0.0.1:{page}")
    return block + "\n"


def program(folder: Path) -> str:
    """Put the command on a path of its own, as an installation would."""
    (folder / "bin").mkdir()
    (folder / "bin/billing").write_text(f'#!/bin/sh\nexec {sys.executable} -m billing.cli.main "$@"\n')
    (folder / "bin/billing").chmod(0o755)
    return f"{folder / 'bin'}:{os.environ['PATH']}"


def test_what_is_pasted_ends_in_a_page_on_which_the_links_of_the_report_are_open(billing, free_port):
    sandbox = billing.start("sandbox", "--port", "0")
    url = sandbox.stdout.readline().strip().removeprefix("export BILLING_API_BASE=")
    listen = f"127.0.0.1:{free_port}"
    environ = clean_environment(HOME=billing.environ["HOME"], BILLING_COLLECT_LISTEN=listen)
    environ["PATH"] = program(billing.folder)
    shell = subprocess.Popen(
        ["bash", "-c", pasted(url, free_port).replace("\nbilling collect\n", "\nexec billing collect\n")],
        cwd=billing.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said = []
        while not said or not said[-1].startswith("The page of payers is open"):
            said.append(shell.stdout.readline())
            assert said[-1], "".join(said)
        (link,) = re.findall(r"http://[^,\s]+/s/[^,\s]+", (billing.folder / "members-report.csv").read_text())
        with urlopen(link, timeout=10) as got:  # noqa: S310  loopback
            assert "Save a card" in got.read().decode()
    finally:
        for process in (shell, sandbox):
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
