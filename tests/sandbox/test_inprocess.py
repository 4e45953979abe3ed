"""The sandbox as a wire in the same process."""

import json

import anyio
import pytest

from billing.core.wire import AnswerLost, NeverSent
from billing.sandbox.config import Latency, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.inprocess import InProcess


@pytest.fixture
def slept():
    return []


@pytest.fixture
def wire(services, slept):
    async def sleep(seconds):
        slept.append(seconds)

    return InProcess(services.sandbox, sleep)


@pytest.mark.parametrize(("kind", "error", "carried_out"), [
    (FaultKind.REFUSED, NeverSent, False), (FaultKind.LOST_BEFORE, AnswerLost, False),
    (FaultKind.LOST_AFTER, AnswerLost, True), (FaultKind.CUT_BODY, AnswerLost, True),
    (FaultKind.LATE, AnswerLost, False),
])  # fmt: skip
async def test_a_broken_exchange_is_the_error_its_sender_would_see(services, wire, kind, error, carried_out):
    services.sandbox.faults.add(Scripted(Fault(kind)))
    before = len(services.sandbox.world.platform["cus"])
    with pytest.raises(error):
        await wire.send(services.request("POST", "/v1/customers", {"description": "x"}))
    assert (len(services.sandbox.world.platform["cus"]) > before) is carried_out


async def test_an_answer_comes_whole_with_lower_case_headers(services, wire):
    answer = await wire.send(services.request("GET", "/v1/account"))
    assert (answer.status, json.loads(answer.body)["object"]) == (200, "account")
    assert all(name == name.lower() for name in answer.headers)
    await wire.aclose()


async def test_delays_are_slept_with_the_sleep_that_was_given(make_desk):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    services = make_desk(config=SandboxConfig(latency=Latency(0.5, sigma=0.0)))
    await InProcess(services.sandbox, sleep).send(services.request("GET", "/v1/account"))
    assert slept == [0.5]


async def test_a_sender_that_gives_up_leaves_its_request_carried_out_and_nothing_held(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.SLOW, seconds=3600), "payment_intents.create"))
    wire = InProcess(services.sandbox)
    params = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"]}
    request = services.request("POST", "/v1/payment_intents", params, account=services.account.id, key="k")
    with anyio.move_on_after(0.01):
        await wire.send(request)
    assert len(services.sandbox.books().intents) == 1
    assert (await wire.send(request)).headers["idempotent-replayed"] == "true"


async def test_two_senders_of_one_key_meet(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.SLOW, seconds=0.01), "customers.create"))
    wire = InProcess(services.sandbox)
    statuses = []

    async def send():
        statuses.append(
            (await wire.send(services.request("POST", "/v1/customers", {"description": "x"}, key="k"))).status
        )

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        group.start_soon(send)
    assert sorted(statuses) == [200, 409]
