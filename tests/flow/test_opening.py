"""Whose key is this? The root of every id must not come from a stray answer."""

import io
import json

import pytest

from billing.core.errors import ProviderUnreachable, UsageError
from billing.core.items import Kind, Mode
from billing.core.records import RunRecord
from billing.core.wire import WireRequest, WireResponse
from billing.edge.logs import open_log
from billing.edge.settings.load import load_settings
from billing.edge.stripe.transport import MOST_CONNECTIONS
from billing.flow.open_services import ServiceOptions, open_services, rates_for
from billing.sandbox.config import Limits, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Sandbox
from tests.virtual import run_virtually

KEY = {"STRIPE_API_KEY": "sk_test_openingopeningopening"}


@pytest.fixture
def sandbox():
    return Sandbox(SandboxConfig(limits=Limits.off()))


def desk_at(sandbox, folder, log=lambda *_, **__: None, wire=None):
    environ = {"BILLING_LEDGER": f"sqlite:///{folder / 'l.db'}", "BILLING_LEDGER_KEY_FILE": str(folder / "k")}
    settings = load_settings({**environ, "BILLING_API_BASE": "http://127.0.0.1"})
    return open_services(settings, KEY, ServiceOptions(Mode.TEST, "test"), log, wire=wire or InProcess(sandbox))


async def test_a_desk_that_sends_nothing_asks_nobody(sandbox, tmp_path):
    async with desk_at(sandbox, tmp_path) as services:
        assert services.platform == ""
    assert sandbox.requests.total() == 0


async def test_a_new_platform_is_asked_for_twice(sandbox, tmp_path):
    async with desk_at(sandbox, tmp_path) as services:
        await services.identify()
        assert (services.platform, services.gateway.platform) == (sandbox.world.platform.id,) * 2
    assert sandbox.requests.total() == 2


async def test_two_answers_that_differ_stop_everything(sandbox, tmp_path):
    stray = Fault(FaultKind.PATCHED, patch={"id": "acct_1SomebodyElse"})
    sandbox.faults.add(Scripted(stray, "accounts.retrieve_current"))
    async with desk_at(sandbox, tmp_path) as services:
        with pytest.raises(UsageError, match=r"/v1/account named acct_1SomebodyElse and then acct_.*; see api_base"):
            await services.identify()
        assert services.platform == ""


class Elsewhere:
    """A server that is not Stripe's and says the same to everything."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = WireResponse(status, {"content-type": "text/html"}, body)

    async def send(self, _request: WireRequest) -> WireResponse:
        return self.answer

    async def aclose(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("body", [b"<p>Not Found</p>", b'{"error": {"message": "Unrecognized URL"}}'])
@pytest.mark.parametrize(
    ("status", "error"),
    [(301, UsageError), (404, UsageError), (407, UsageError), (429, ProviderUnreachable), (503, ProviderUnreachable)],
)
def test_only_what_another_try_may_change_counts_as_an_outage(sandbox, tmp_path, status, error, body):
    async def identify() -> None:
        async with desk_at(sandbox, tmp_path, wire=Elsewhere(status, body)) as services:
            with pytest.raises(error, match=r"http://127\.0\.0\.1"):
                await services.identify()

    run_virtually(identify)


@pytest.mark.parametrize(
    ("level", "told"), [("debug", ["ledger_made", "request", "request"]), ("info", ["ledger_made"])]
)
async def test_a_log_is_told_of_requests_when_it_writes_them(sandbox, tmp_path, level, told):
    out = io.StringIO()
    async with desk_at(sandbox, tmp_path, open_log(level, "json", out)) as services:
        await services.identify()
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == told


@pytest.mark.parametrize("rate", [None, 50.0])
@pytest.mark.parametrize("asked", [1, 64, MOST_CONNECTIONS, MOST_CONNECTIONS + 1, 1000])
def test_no_more_requests_leave_at_once_than_there_are_connections_however_many_items_are_asked_for(asked, rate):
    rates = rates_for(load_settings({}), ServiceOptions(Mode.TEST, "test", rate=rate, concurrency=asked))
    assert rates.items == asked
    assert rates.concurrency == rates.per_account_concurrency == min(asked, MOST_CONNECTIONS)


async def test_a_ledger_that_is_made_is_told_of_with_the_others_of_its_key(sandbox, tmp_path):
    told = []

    def log(event, **facts):
        told.append((event, facts))

    run = RunRecord("coaching-2026-11", "acct_P", "coaching", "2026-11", Mode.TEST, Kind.CHARGE, {}, "f" * 64, "d" * 64)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        environ = {"BILLING_LEDGER": f"sqlite:///{tmp_path}/{name}/l.db", "BILLING_LEDGER_KEY_FILE": f"{tmp_path}/k"}
        settings = load_settings({**environ, "BILLING_API_BASE": "http://127.0.0.1"})
        async with open_services(
            settings, KEY, ServiceOptions(Mode.TEST, "test"), log, wire=InProcess(sandbox)
        ) as services:
            await services.ledger.plan_run(run, [])
    first, second = (facts for event, facts in told if event == "ledger_made")
    assert first == {"path": f"{tmp_path}/one/l.db"}
    assert second["path"] == f"{tmp_path}/two/l.db"
    assert second["others"] == [f"{tmp_path}/one/l.db (coaching-2026-11)"]
    assert "nothing of what these charged" in second["note"]
