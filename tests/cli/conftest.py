"""A sandbox as a real process, and the command pointed at it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from cli_tools import KEY, RUN, SANDBOX, Rehearsal, read_line

from tests.conftest import Billing


@contextmanager
def serving(billing: Billing, settings: str) -> Iterator[Rehearsal]:
    """Serve a sandbox with 30 payers on 4 accounts; `rehearsal.csv` charges them."""
    (billing.folder / "sandbox.yaml").write_text(settings)
    args = ["sandbox", "--port", "0", "--config", "sandbox.yaml", "--items", "30", "--accounts", "4"]
    process = billing.start(*args, "--out", "rehearsal.csv")
    try:
        lines = [read_line(process) for _ in range(4)]
        url = lines[0].strip().removeprefix("export BILLING_API_BASE=")
        billing.environ |= {"BILLING_API_BASE": url}
        yield Rehearsal(url)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def rehearsal(billing, request) -> Iterator[Rehearsal]:
    """A sandbox of the test's own; parametrise with its settings as YAML."""
    with serving(billing, getattr(request, "param", SANDBOX)) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is over: for tests that only look.

    Attributes:
        billing: the command where it ran.
        rehearsal: the sandbox.
        summary: what `billing run --output json` printed.
        logged: its log, as JSON lines.
        code: its exit code.
    """

    billing: Billing
    rehearsal: Rehearsal
    summary: dict
    logged: str
    code: int


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Iterator[Finished]:
    """One finished run, shared by the tests of a module that change nothing."""
    billing = Billing(tmp_path_factory.mktemp("finished"))
    with serving(billing, SANDBOX) as rehearsal:
        billing.environ |= {"STRIPE_API_KEY": KEY}
        flags = ["--yes", "--rate", "200", "--output", "json", "--log-format", "json"]
        ended = billing("run", "rehearsal.csv", *RUN, *flags)
        yield Finished(billing, rehearsal, json.loads(ended.out), ended.err, ended.code)
