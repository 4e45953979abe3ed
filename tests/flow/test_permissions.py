"""What may this key do? Asked of a real Stripe by requests that make nothing, and never guessed."""

from contextlib import asynccontextmanager

import pytest

from billing.core.items import Mode
from billing.edge.settings.load import load_settings
from billing.flow.open_services import ServiceOptions, open_services
from billing.flow.permissions import PROBES, Grant, permissions
from billing.sandbox.config import Behaviour, Limits, PermissionWords, SandboxConfig
from billing.sandbox.faults import Fault, FaultKind, Scripted
from billing.sandbox.inprocess import InProcess
from billing.sandbox.model import Sandbox
from billing.sandbox.scenario import connect

KEY = "rk_test_permissionspermissions"
NEEDED = {
    "accounts_kyc_basic_read": {"Connected accounts read"},
    "customer_read": {"Customers read"},
    "payment_method_read": {"PaymentMethods read"},
    "payment_intent_read": {"PaymentIntents read on connected accounts"},
    "payment_method_write": {"PaymentMethods write on connected accounts"},
    "payment_intent_write": {"PaymentIntents write on connected accounts"},
    "charge_read": {"Charges and Refunds read on connected accounts"},
    "charge_write": {"Charges and Refunds write on connected accounts"},
    "dispute_read": {"Disputes read on connected accounts"},
    "invoice_read": {"Invoices read on connected accounts"},
    "invoice_write": {"Invoices write on connected accounts"},
    "plan_read": {"Prices read on connected accounts"},
    "product_read": {"Products read on connected accounts"},
    "product_write": {"Products write on connected accounts"},
}
# Stripe's name of each permission, and what is said to be lacking without it.
NO_ANSWERS = (
    FaultKind.REFUSED, FaultKind.LOST_AFTER, FaultKind.PASSING_500_UNDONE, FaultKind.BAD_GATEWAY_UNDONE,
    FaultKind.CUT_BODY, FaultKind.EMPTY_200, FaultKind.HTML_200, FaultKind.REDIRECT, FaultKind.RATE_LIMITED,
    FaultKind.LOCK_TIMEOUT, FaultKind.THROTTLED_400, FaultKind.UNAVAILABLE_503, FaultKind.DEPENDENCY_424,
)  # fmt: skip
ON_ACCOUNTS = {probe.permission for probe in PROBES if probe.connected}


def a_sandbox(*, accounts=1, words=PermissionWords.CODE):
    sandbox = Sandbox(SandboxConfig(limits=Limits.off(), behaviour=Behaviour(permission_words=words)))
    for _ in range(accounts):
        connect(sandbox)
    return sandbox


@asynccontextmanager
async def gateway_at(sandbox, folder):
    environ = {"BILLING_LEDGER": f"sqlite:///{folder / 'l.db'}", "BILLING_LEDGER_KEY_FILE": str(folder / "k")}
    settings = load_settings({**environ, "BILLING_API_BASE": "http://127.0.0.1"})
    wire, opening = InProcess(sandbox), ServiceOptions(Mode.TEST, "test")
    async with open_services(settings, {"STRIPE_API_KEY": KEY}, opening, lambda *_, **__: None, wire=wire) as services:
        yield services.gateway


async def grants(sandbox, folder, *, writes=True):
    """Permission -> whether the key has it; nothing that Stripe holds may change."""
    before = sandbox.world.accounts, [len(each["pi"]) + len(each["pm"]) for each in sandbox.world.accounts.values()]
    async with gateway_at(sandbox, folder) as gateway:
        found = await permissions(gateway, writes=writes)
    after = sandbox.world.accounts, [len(each["pi"]) + len(each["pm"]) for each in sandbox.world.accounts.values()]
    assert before == after
    assert all(answer.why for answer in found if answer.grant is not Grant.YES)
    return {answer.probe.permission: answer.grant for answer in found}


async def test_a_key_that_may_do_everything_is_told_so(tmp_path):
    assert set((await grants(a_sandbox(), tmp_path)).values()) == {Grant.YES}


@pytest.mark.parametrize("words", PermissionWords)
@pytest.mark.parametrize("name", NEEDED)
async def test_a_lacking_permission_is_named_and_no_other(tmp_path, name, words):
    sandbox = a_sandbox(words=words)
    sandbox.gate.withhold(KEY, name)
    found = await grants(sandbox, tmp_path)
    assert {permission for permission, grant in found.items() if grant is Grant.NO} == NEEDED[name]


async def test_a_key_that_may_only_read_lacks_every_write(tmp_path):
    sandbox = a_sandbox()
    sandbox.gate.restrict(KEY, "GET *")
    found = await grants(sandbox, tmp_path)
    lacking = {permission for permission, grant in found.items() if grant is Grant.NO}
    assert lacking == {probe.permission for probe in PROBES if probe.writes}
    assert Grant.UNTESTED not in found.values()


async def test_without_writes_nothing_but_reads_is_sent(tmp_path):
    sandbox = a_sandbox()
    found = await grants(sandbox, tmp_path, writes=False)
    untested = {permission for permission, grant in found.items() if grant is Grant.UNTESTED}
    assert untested == {probe.permission for probe in PROBES if probe.writes}
    assert not [operation for operation in sandbox.requests if operation.endswith((".create", ".cancel"))]


@pytest.mark.parametrize("accounts", [0, 1])
async def test_what_cannot_be_asked_on_an_account_is_not_tested(tmp_path, accounts):
    sandbox = a_sandbox(accounts=accounts)
    if accounts:
        sandbox.gate.withhold(KEY, "accounts_kyc_basic_read")
    found = await grants(sandbox, tmp_path)
    assert {permission for permission, grant in found.items() if grant is Grant.UNTESTED} == ON_ACCOUNTS


async def test_a_refused_key_has_no_permission_that_was_tested(tmp_path):
    sandbox = a_sandbox()
    sandbox.gate.revoke(KEY)
    assert set((await grants(sandbox, tmp_path)).values()) == {Grant.UNTESTED}


@pytest.mark.parametrize("kind", NO_ANSWERS)
async def test_what_is_no_answer_of_stripes_is_neither_yes_nor_no(tmp_path, kind):
    sandbox = a_sandbox()
    sandbox.faults.add(Scripted(Fault(kind), "payment_intents.cancel", times=3))
    found = await grants(sandbox, tmp_path)
    assert found.pop("PaymentIntents write on connected accounts") is Grant.UNTESTED
    assert set(found.values()) == {Grant.YES}


async def test_an_answer_that_is_lost_once_is_asked_for_again(tmp_path):
    sandbox = a_sandbox()
    sandbox.faults.add(Scripted(Fault(FaultKind.LOST_AFTER), "payment_methods.create"))
    assert set((await grants(sandbox, tmp_path)).values()) == {Grant.YES}
