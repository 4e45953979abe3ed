"""Look-ups before a run: what they find, what they cost, and that nothing bad is believed because it was true once."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from billing.core.errors import CredentialsError
from billing.core.estimates import Reads
from billing.core.findings import UNREAD
from billing.edge.runfiles import RunDefaults, open_run
from billing.flow.kinds.charge.preflight import look_up
from billing.flow.planning.plan import PlanOptions, make_plan
from billing.flow.planning.planned import Plan
from billing.flow.planning.preflight import LookedUp, Lookout, Preflight
from billing.sandbox.accounts import revoke
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultKind
from billing.sandbox.inprocess import InProcess
from billing.sandbox.scenario import Row, connect, save_customer
from tests.flow.world import RUN, Recording, World
from tests.virtual import run_virtually

LISTS = {"/v1/accounts": "accounts", "/v1/customers": "customers", "/v1/payment_methods": "methods"}


def make(folder: Path, config: SandboxConfig | None = None, **spec: object) -> World:
    return World.make(folder, config, **{"mix": {"succeeds": 1}} | spec)


def write(world: World, *rows: Row, suffix: str = "", defaults: bool = False) -> None:
    """Write the run file, each line with a statement suffix, or with nobody's payment method named."""
    lines = ["reference,customer,payment_method,account,amount,currency,statement_suffix"]
    for row in rows:
        method = "" if defaults else row.payment_method
        lines.append(f"{row.reference},{row.customer},{method},{row.account},19.00,{row.currency},{suffix}")
    world.file.write_text("\n".join(lines) + "\n")


def after(world: World, look: Callable[..., Awaitable[object]], wire: Recording | None = None) -> object:
    """Open a desk, let ``look`` use it with the run file, and return what it did."""

    async def main() -> object:
        async with world.services(wire=wire) as services:
            with open_run(world.file, run_id=RUN, defaults=RunDefaults(policies=world.policies)) as source:
                return await look(services, source)

    return run_virtually(main)


def looked_up(world: World, wire: Recording | None = None, preflight: Preflight = Preflight.ALL) -> LookedUp:
    return after(world, lambda services, source: look_up(services, source, preflight), wire)


def planned(world: World) -> Plan:
    return after(world, lambda services, source: make_plan(services, source, PlanOptions(Preflight.ALL)))


def reads(wire: Recording) -> Counter[str]:
    """Count requests: lists by their name, single reads by that of their list with a star."""
    found: Counter[str] = Counter()
    for request in wire.requests:
        path = request.url.split("?")[0].removeprefix("http://127.0.0.1")
        found[LISTS[path] if path in LISTS else "one of " + LISTS["/".join(path.split("/")[:3])]] += 1
    return found


def counted(world: World) -> tuple[LookedUp, Counter[str]]:
    wire = Recording(InProcess(world.sandbox))
    return looked_up(world, wire), reads(wire)


# --- by the page


def test_many_names_cost_a_read_for_each_hundred(tmp_path):
    world = make(tmp_path, items=1000, accounts=30)
    found, cost = counted(world)
    assert cost == {"accounts": 1, "methods": 10}
    assert found.reads.requests == 11
    assert found.findings.methods == {}
    assert counted(world)[1] == {}, "what is good is known for a day"


def test_defaults_come_with_their_customers(tmp_path):
    world = make(tmp_path, items=500, accounts=2)
    write(world, *world.scenario.rows, defaults=True)
    found, cost = counted(world)
    assert cost == {"one of accounts": 2, "customers": 5}
    assert found.findings.defaults == {row.customer: row.payment_method for row in world.scenario.rows}
    assert counted(world)[1] == {"customers": 5}, "a default is read for each plan"


def test_of_a_list_only_what_is_wanted_is_kept(tmp_path):
    world = make(tmp_path, items=300, accounts=1)
    wanted, others = world.scenario.rows[200:], world.scenario.rows[:200]
    write(world, *wanted)
    assert counted(world)[1] == {"one of accounts": 1, "methods": 1}

    async def kept(services, _source):
        since = services.clock.days_ago(1)
        return [
            len(services.ledger.lookups("method", [row.payment_method for row in rows], since))
            for rows in (wanted, others)
        ]

    assert after(world, kept) == [100, 0]


def test_few_names_are_read_singly(tmp_path):
    world = make(tmp_path, items=300, accounts=3)
    write(world, *world.scenario.rows[:5])
    accounts = len({row.account for row in world.scenario.rows[:5]})
    assert counted(world)[1] == {"one of accounts": accounts, "one of methods": 5}


def test_a_list_that_holds_little_of_what_is_wanted_is_left_for_single_reads(tmp_path):
    world = make(tmp_path, items=3000, accounts=1)
    write(world, *world.scenario.rows[:40])  # the oldest, on the last of thirty pages
    _, cost = counted(world)
    assert cost == {"one of accounts": 1, "methods": 4, "one of methods": 40}


def test_how_long_a_list_is_is_remembered(tmp_path):
    world = make(tmp_path, items=1000, accounts=1)
    counted(world)
    write(world, *world.scenario.rows[:40])
    bad = {row.payment_method: {"type": "link"} for row in world.scenario.rows[:40]}
    after(world, lambda services, _: services.ledger.keep_lookups("method", bad))
    _, cost = counted(world)
    assert cost["methods"] == 10, "ten pages are fewer than forty reads, and all of them are read"


@pytest.mark.parametrize("fault", [FaultKind.STORED_500_UNDONE, FaultKind.LOST_BEFORE])
def test_a_list_that_breaks_off_is_made_up_for_by_single_reads(tmp_path, fault):
    world = make(tmp_path, items=250, accounts=1)
    world.script(fault, "payment_methods.list", nth=2, times=5)
    found, cost = counted(world)
    assert cost["one of methods"] == 150
    assert (found.findings.methods, found.warnings) == ({}, [])


def test_an_account_that_no_list_holds_is_asked_for_by_itself(tmp_path):
    world = make(tmp_path, items=60, accounts=20)
    gone = world.scenario.rows[0].account
    revoke(world.sandbox.world.accounts[gone])
    found, cost = counted(world)
    assert (cost["accounts"], cost["one of accounts"]) == (1, 1)
    assert found.findings.accounts == {gone: "account_unknown"}


def test_several_methods_of_one_customer_are_read_with_one_list(tmp_path):
    world = make(tmp_path, items=3, accounts=1)
    customer = world.scenario.rows[0].customer
    for row in world.scenario.rows[1:]:
        world.sandbox.world.platform["pm"].peek(row.payment_method)["customer"] = customer
    write(world, *(replace(row, customer=customer) for row in world.scenario.rows))
    found, cost = counted(world)
    assert cost == {"one of accounts": 1, "one of customers": 1}
    assert found.findings.owners == {}


def test_what_is_expected_before_is_what_it_takes(tmp_path):
    world = make(tmp_path, items=1000, accounts=30)

    told: list[Reads] = []
    seen: list[tuple[int, int]] = []
    watched = Lookout(told.append, lambda snapshot: seen.append((snapshot.done, snapshot.total)))
    wire = Recording(InProcess(world.sandbox))
    found = after(world, lambda services, source: look_up(services, source, Preflight.ALL, watched), wire)
    assert told[0].requests == reads(wire).total() == found.reads.requests
    assert told[0].names == found.reads.names == 1030
    assert seen[-1] == (1030, 1030)
    after(world, lambda services, source: look_up(services, source, Preflight.ALL, watched))
    assert (told[1].requests, told[1].names) == (0, 0)


KEY = "sk_test_worldworldworld"


def test_a_key_that_may_not_list_reads_singly_and_one_that_may_not_read_stops(tmp_path):
    world = make(tmp_path, items=40, accounts=1)
    world.sandbox.gate.restrict(KEY, "GET /v1/accounts/*", "GET /v1/payment_methods/*")
    found, cost = counted(world)
    assert cost == {"one of accounts": 1, "methods": 1, "one of methods": 40}
    assert found.findings.methods == {}
    world.sandbox.gate.restrict(KEY, "GET /v1/accounts/*")
    after(
        world, lambda services, _: services.ledger.keep_lookups("method", {world.scenario.rows[0].payment_method: {}})
    )
    with pytest.raises(CredentialsError):
        counted(world)


# --- what is believed


def skips(world: World) -> dict[str, int]:
    return dict(planned(world).skips)


def test_what_keeps_somebody_from_paying_is_looked_up_again(tmp_path):
    world = make(tmp_path, items=4, accounts=2)
    platform = world.sandbox.world.platform
    broken, expired, other, _ = world.scenario.rows
    body = world.sandbox.world.accounts[broken.account].body
    card, theirs = platform["pm"].peek(expired.payment_method), platform["pm"].peek(other.payment_method)
    card["card"]["exp_year"], theirs["customer"] = 2020, "cus_1other"
    before = skips(world)
    assert (before["method_expired"], before["method_of_other_customer"]) == (1, 1)
    card["card"]["exp_year"], theirs["customer"] = 2034, other.customer
    body["charges_enabled"] = False
    assert set(skips(world)) == set(), "what was good a moment ago is believed for a day"
    after(world, lambda services, _: services.ledger.keep_lookups("account", {broken.account: {"charges": False}}))
    assert set(skips(world)) == {"account_cannot_charge"}
    body["charges_enabled"] = True
    assert skips(world) == {}


def test_a_default_is_read_for_each_plan(tmp_path):
    world = make(tmp_path, items=1, accounts=1)
    row = world.scenario.rows[0]
    write(world, row, defaults=True)
    settings = world.sandbox.world.platform["cus"].peek(row.customer)["invoice_settings"]
    settings["default_payment_method"] = None
    assert skips(world) == {"no_payment_method": 1}
    settings["default_payment_method"] = row.payment_method
    assert skips(world) == {}
    settings["default_payment_method"] = None
    assert skips(world) == {"no_payment_method": 1}


@pytest.mark.parametrize("named", [False, True], ids=["its default", "a method by name"])
@pytest.mark.parametrize("deleted", [False, True], ids=["missing", "deleted"])
def test_a_customer_who_is_gone_is_a_reason_of_its_own(tmp_path, named, deleted):
    world = make(tmp_path, items=2, accounts=1)
    first, second = world.scenario.rows
    shelf = world.sandbox.world.platform["cus"]
    name = first.customer
    if deleted:
        shelf.peek(name)["deleted"] = True
        world.sandbox.world.platform["pm"].peek(first.payment_method)["customer"] = None
    else:
        name = "cus_1nosuch"
    write(world, replace(first, customer=name), second, defaults=not named)
    assert skips(world) == {"customer_unknown": 1}


def test_the_platform_itself_is_no_connected_account(tmp_path):
    world = make(tmp_path, items=2, accounts=1)
    first, second = world.scenario.rows
    write(world, replace(first, account=world.sandbox.world.platform.id), second)
    plan = planned(world)
    assert (dict(plan.skips), plan.to_charge) == ({"account_is_platform": 1}, 1)


def test_a_bank_account_pays_in_dollars_alone_and_where_the_account_takes_it(tmp_path):
    world = make(tmp_path, items=3, accounts=1)
    customer, method = save_customer(world.sandbox, "pm_usBankAccount_success")
    poor = connect(world.sandbox, debits=False).id
    good, euros, there = (replace(row, customer=customer, payment_method=method) for row in world.scenario.rows)
    write(world, good, replace(euros, currency="eur"), replace(there, account=poor))
    assert skips(world) == {"method_not_for_currency": 1, "method_not_for_account": 1}


def test_a_suffix_is_held_against_the_prefix_of_its_account(tmp_path):
    world = make(tmp_path, items=2, accounts=1)
    write(world, *world.scenario.rows, suffix="NOVEMBER-202")  # COACHING* NOVEMBER-202 has 22 characters
    assert skips(world) == {}
    write(world, *world.scenario.rows, suffix="NOVEMBER-2026")
    assert skips(world) == {"suffix_too_long": 2}
    world.sandbox.world.accounts[world.scenario.rows[0].account].body["settings"] = {
        "card_payments": {"statement_descriptor_prefix": None},
        "payments": {"statement_descriptor": "CLUB"},
    }
    assert skips(world) == {}, "a prefix that was shortened is seen at once"


def test_one_method_for_two_customers_keeps_the_wrong_one_out(tmp_path):
    world = make(tmp_path, items=30, accounts=1)
    first, second, *others = world.scenario.rows
    write(world, first, replace(second, payment_method=first.payment_method), *others)
    plan = planned(world)
    assert dict(plan.skips) == {"method_of_other_customer": 1}
    assert plan.findings.owners == {first.payment_method: first.customer}
    assert dict(planned(world).skips) == {"method_of_other_customer": 1}, "with what is kept it is the same"


# --- no answer


def test_a_default_that_nobody_could_read_waits_and_the_others_go_on(tmp_path):
    world = make(tmp_path, items=3, accounts=1)
    first, *others = world.scenario.rows
    write(world, first, defaults=True)
    text = world.file.read_text()
    write(world, *others)
    world.file.write_text(text + world.file.read_text().split("\n", 1)[1])
    world.script(FaultKind.STORED_500_UNDONE, "customers.retrieve", times=5)
    plan = planned(world)
    assert (plan.to_charge, dict(plan.skips)) == (2, {UNREAD: 1})
    assert [notice.code for notice in plan.warnings] == ["look_up_unanswered"]
    assert skips(world) == {}


def test_what_else_gives_no_answer_decides_nothing(tmp_path):
    world = make(tmp_path, items=2, accounts=1)
    world.script(FaultKind.STORED_500_UNDONE, "payment_methods.retrieve", times=100)
    world.script(FaultKind.STORED_500_UNDONE, "accounts.retrieve", times=100)
    plan = planned(world)
    assert (plan.to_charge, dict(plan.skips)) == (2, {})
    assert "the charge will tell" in str(plan.warnings[0])
