"""Subscriptions, from the sheet to the first payment, through every ending."""

import json
from dataclasses import replace
from functools import partial

import pytest

from billing.core.exits import Exit
from billing.core.findings import Findings
from billing.core.groups import group_of
from billing.core.kinds.subscription import State
from billing.core.life import Group
from billing.core.planrows import standing
from billing.edge.runfiles import open_run
from billing.flow.planning.plan import PlanOptions, make_plan
from billing.flow.planning.preflight import Preflight
from billing.sandbox.config import SandboxConfig
from billing.sandbox.faults import FaultKind, FaultPlan
from billing.sandbox.scenario import save_customer
from tests.flow.subscribe_world import (
    ATTACH,
    CLONE,
    CUSTOMER,
    DAY,
    DEFAULT,
    END,
    LIST,
    OPEN,
    PAY,
    START,
    SubscribeWorld,
)
from tests.flow.world import RUN
from tests.virtual import run_virtually


def lived(bench: SubscribeWorld, preflight: Preflight = Preflight.ALL):
    """Plan and run, hold what came of it against the sandbox's books, and return the ending."""
    ending = run_virtually(partial(bench.subscribe_all, preflight))
    run_virtually(bench.assert_true)
    return ending


def again(bench: SubscribeWorld, verb: str = "run"):
    ending = run_virtually(partial(bench.go_on, verb))
    run_virtually(bench.assert_true)
    return ending


def the_item(bench: SubscribeWorld):
    (item,) = run_virtually(bench.items)
    return item


def states(bench: SubscribeWorld):
    return [str(item.state) for item in run_virtually(bench.items)]


def config(**recurring) -> SandboxConfig:
    plain = SandboxConfig()
    return replace(plain, limits=plain.limits.off(), recurring=replace(plain.recurring, **recurring))


# --- where all goes well ---------------------------------------------------------------------------------------------


def test_a_line_becomes_one_active_subscription_whose_first_invoice_is_paid(tmp_path):
    bench = SubscribeWorld.make(tmp_path, application_fee_percent="7.5", **{"metadata.contract": "C-7"})
    ending = lived(bench)
    item, (book,) = the_item(bench), bench.books()
    assert (ending.exit, item.state) == (Exit.OK, State.SUCCEEDED)
    assert (book.subscription, book.status, book.paid, book.taken) == (item.object_id, "active", 1, 2_000)
    assert (book.application_fee, book.metadata["contract"]) == (150, "C-7")
    assert item.facts["first_invoice"].startswith("in_")


def test_a_second_run_makes_and_pays_nothing(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)
    before = {name: bench.sent(name) for name in (CUSTOMER, CLONE, ATTACH, DEFAULT, OPEN, PAY)}
    assert lived(bench).exit == Exit.OK
    assert {name: bench.sent(name) for name in before} == before


def test_two_lines_of_one_payer_share_a_customer_and_a_copy_and_the_second_costs_two_requests(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.line(bench.rows[0]["customer"], product="Locker", amount="5.00")
    lived(bench)
    assert states(bench) == [State.SUCCEEDED] * 2
    assert [bench.sent(name) for name in (CUSTOMER, CLONE, ATTACH, DEFAULT, OPEN, PAY)] == [1, 1, 1, 1, 2, 2]


def test_a_payer_on_two_accounts_has_a_customer_on_each(tmp_path):
    bench = SubscribeWorld.make(tmp_path, accounts=2)
    bench.line(bench.rows[0]["customer"])
    lived(bench)
    assert states(bench) == [State.SUCCEEDED] * 2
    assert bench.sent(CUSTOMER) == 2


def test_next_months_run_finds_the_customer_and_its_copy_again(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)
    bench.line(bench.rows[0]["customer"], product="Locker")
    other = bench.elsewhere(tmp_path / "next")  # another ledger: it knows nothing but what Stripe shows
    other.rows = other.rows[1:]
    other.write()
    lived(other)
    assert (bench.sent(CUSTOMER), bench.sent(CLONE)) == (1, 1)


def test_one_product_is_made_for_an_account_however_many_lines_sell_it(tmp_path):
    bench = SubscribeWorld.make(tmp_path, ("pm_card_visa",) * 3)
    lived(bench)
    assert bench.sent("products.create") == 1


def test_the_connected_customer_carries_name_and_e_mail_and_nothing_of_ours_does(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    name, email = "Canary Kaltenbrunner", "canary@example.com"
    bench.post(f"/v1/customers/{bench.rows[0]['customer']}", name=name, email=email)
    lived(bench)
    (customer,) = bench.customers(bench.rows[0]["account"])
    assert (customer["name"], customer["email"]) == (name, email)
    kept = (
        b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        + repr(bench.world.events).encode()
    )
    assert b"Kaltenbrunner" not in kept
    assert b"canary@" not in kept


# --- nothing due at the start -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["trial_end", "billing_cycle_anchor"])
def test_where_nothing_is_due_it_is_opened_under_a_fuse_which_is_cleared_and_the_first_period_is_charged_once(
    tmp_path, column
):
    bench = SubscribeWorld.make(tmp_path)
    bench.rows[0][column] = bench.date(10)
    bench.write()
    assert lived(bench).exit == Exit.OK
    item, (book,) = the_item(bench), bench.books()
    assert (item.state, item.amount, book.taken, book.ends) == (State.SUCCEEDED, 0, 0, False)
    assert (bench.sent(PAY), bench.sent(START)) == (0, 1)
    bench.sandbox.advance(12 * DAY)
    assert [one.taken for one in bench.books()] == [2_000]


def test_a_fuse_that_nobody_clears_puts_the_subscription_out_before_anything_is_charged(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.rows[0]["trial_end"] = bench.date(10)
    bench.write()
    bench.world.script(FaultKind.LOST_BEFORE, START, times=10**6)
    lived(bench)
    assert states(bench) == [State.STARTING]
    bench.sandbox.advance(20 * DAY)
    assert [(one.taken, one.status) for one in bench.books()] == [(0, "canceled")]


def test_what_starts_within_hours_is_left_out(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.rows[0]["trial_end"] = bench.date(0.2)
    bench.write()
    lived(bench)
    item = the_item(bench)
    assert (item.state, item.facts["reason_code"], bench.sent(OPEN)) == (State.SKIPPED, "starts_too_soon", 0)


# --- prices -----------------------------------------------------------------------------------------------------------


def test_a_line_that_names_a_price_is_planned_and_paid_with_what_that_comes_to(tmp_path):
    bench = SubscribeWorld.make(tmp_path, ())
    account = bench.world.scenario.accounts[0]
    product = bench.post("/v1/products", account, name="Gym")["id"]
    price = bench.post(
        "/v1/prices", account, product=product, currency="usd", unit_amount=1_250, **{"recurring[interval]": "month"}
    )["id"]
    bench.line(save_customer(bench.sandbox)[0], price=price, quantity="3")
    lived(bench)
    item = the_item(bench)
    assert (item.state, item.amount, item.currency) == (State.SUCCEEDED, 3_750, "usd")
    assert bench.books()[0].taken == 3_750


def test_what_was_looked_up_of_prices_is_saved_with_a_plan_and_read_again():
    named = ("acct_gym", "price_month")
    found = Findings(
        accounts={"acct_x": "account_unknown"},
        prices={named: (1_250, "usd")},
        unpriced={("acct_x", "price_y"): "price_unknown"},
    )
    assert Findings.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_price_that_the_account_does_not_have_leaves_the_line_out(tmp_path):
    bench = SubscribeWorld.make(tmp_path, price="price_nowhere")
    lived(bench)
    item = the_item(bench)
    assert (item.state, item.content["skip"], bench.sent(OPEN)) == (State.SKIPPED, "price_unknown", 0)


# --- no to the payment ------------------------------------------------------------------------------------------------


def test_a_declined_first_payment_is_fenced_and_told(tmp_path):
    bench = SubscribeWorld.make(tmp_path, ("pm_card_chargeCustomerFail",))
    lived(bench)
    item, (book,) = the_item(bench), bench.books()
    assert (item.state, item.facts["group"]) == (State.FAILED, Group.DECLINED)
    assert (item.facts["reason_code"], book.status, book.open) == ("generic_decline", "incomplete_expired", 0)


def test_a_payer_who_must_authenticate_is_waited_for_and_the_item_follows_what_becomes_of_it(tmp_path):
    bench = SubscribeWorld.make(tmp_path, ("pm_card_authenticationRequired",))
    lived(bench)
    item = the_item(bench)
    assert (item.state, item.facts["group"]) == (State.UNPAID, Group.NEEDS_CUSTOMER)
    bench.sandbox.advance(2 * DAY)
    again(bench, "resolve")
    assert states(bench) == [State.FAILED]


@pytest.mark.parametrize("active", [True, False])
def test_a_debit_is_on_its_way_until_the_bank_has_answered(tmp_path, active):
    bench = SubscribeWorld.make(tmp_path, ("pm_usBankAccount_success",), config(debit_activates=active))
    lived(bench)
    assert states(bench) == [State.UNSETTLED]
    bench.sandbox.advance(7 * DAY)
    assert again(bench, "settle").exit == Exit.OK
    assert states(bench) == [State.SUCCEEDED]


@pytest.mark.parametrize("active", [True, False])
def test_a_debit_that_the_bank_refuses_is_a_decline_and_its_subscription_ends(tmp_path, active):
    bench = SubscribeWorld.make(tmp_path, ("pm_usBankAccount_noAccount",), config(debit_activates=active))
    lived(bench)
    bench.sandbox.advance(5 * DAY)  # before Stripe tries again by itself
    again(bench, "settle")
    item, (book,) = the_item(bench), bench.books()
    assert (item.state, item.facts["reason_code"], book.open) == (State.FAILED, "no_account", 0)
    assert item.facts["group"] in (Group.DECLINED, Group.NEEDS_CUSTOMER)


# --- lost answers -----------------------------------------------------------------------------------------------------

LOST = [FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE, FaultKind.PASSING_500_DONE,
        FaultKind.EMPTY_200, FaultKind.CUT_BODY, FaultKind.PASSING_500_UNDONE, FaultKind.BAD_GATEWAY_DONE]  # fmt: skip


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", [CUSTOMER, CLONE, ATTACH, DEFAULT, OPEN, PAY, "products.create"])
def test_whichever_answer_is_lost_one_subscription_is_paid_by_the_end(tmp_path, kind, operation):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(kind, operation)
    lived(bench)
    again(bench)
    if states(bench) != [State.SUCCEEDED]:  # an error that Stripe keeps for a day
        bench.sandbox.advance(1.2 * DAY)
        again(bench)
    assert states(bench) == [State.SUCCEEDED]
    assert [book.paid for book in bench.books() if book.counts] == [1]


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("operation", [OPEN, START])
def test_whichever_answer_is_lost_one_subscription_starts_by_the_end(tmp_path, kind, operation):
    bench = SubscribeWorld.make(tmp_path)
    bench.rows[0]["trial_end"] = bench.date(10)
    bench.write()
    bench.world.script(kind, operation)
    lived(bench)
    again(bench)
    if states(bench) != [State.SUCCEEDED]:
        bench.sandbox.advance(1.2 * DAY)
        again(bench)
    assert states(bench) == [State.SUCCEEDED]
    assert [book.subscription for book in bench.books() if book.counts] == [the_item(bench).object_id]


def test_an_open_that_arrives_days_late_makes_one_that_expires_unpaid(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.LATE, OPEN, seconds=3 * DAY)
    lived(bench)
    assert states(bench) == [State.SUCCEEDED]
    bench.sandbox.advance(5 * DAY)
    run_virtually(bench.assert_true)
    assert sorted(book.status for book in bench.books()) == ["active", "incomplete_expired"]


# --- other people, other ledgers --------------------------------------------------------------------------------------


def test_another_ledger_a_day_later_takes_over_what_is_there(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)
    bench.sandbox.advance(2 * DAY)
    other = bench.elsewhere(tmp_path / "other")
    assert lived(other).exit == Exit.OK
    assert (states(other), len(bench.books()), the_item(other).object_id) == (
        [State.SUCCEEDED], 1, the_item(bench).object_id,
    )  # fmt: skip


def test_what_was_cancelled_in_the_dashboard_before_it_was_paid_is_fenced_and_failed(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.LOST_BEFORE, PAY, times=10**6)
    lived(bench)
    bench.sandbox.faults = FaultPlan()
    account, (book,) = bench.rows[0]["account"], bench.books()
    bench.post(f"/v1/subscriptions/{book.subscription}", account, "DELETE")
    again(bench, "resolve")
    assert (states(bench), bench.books()[0].open) == ([State.FAILED], 0)


def test_one_that_ended_after_it_was_paid_is_never_called_failed(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.LOST_AFTER, PAY)
    bench.world.script(FaultKind.UNAVAILABLE_503, "subscriptions.retrieve", times=10**6)
    lived(bench)
    account, (book,) = bench.rows[0]["account"], bench.books()
    bench.sandbox.faults = FaultPlan()
    bench.post(f"/v1/subscriptions/{book.subscription}", account, "DELETE")
    again(bench, "resolve")
    item = the_item(bench)
    assert (item.state, item.facts["reason_code"]) == (State.ENDED, "ended_after_payment")
    assert (standing(item), group_of(item)) == ("parked", Group.PARKED)  # a plan leaves it to a person


def test_a_customer_with_credit_on_the_account_is_left_out(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    account, payer = bench.rows[0]["account"], bench.rows[0]["customer"]
    customer = bench.post("/v1/customers", account, **{"metadata[billing_payer]": payer})["id"]
    next(row for row in bench.customers(account) if row["id"] == customer)["balance"] = -500
    lived(bench)
    item = the_item(bench)
    assert (item.state, item.facts["reason_code"], bench.sent(OPEN)) == (State.SKIPPED, "customer_has_credit", 0)


def test_a_line_that_names_another_method_than_the_customers_default_has_it_named_by_its_subscription(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)
    payer = bench.rows[0]["customer"]
    _, second = save_customer(bench.sandbox, "pm_card_mastercard")
    method = next(row for row in bench.sandbox.world.platform["pm"] if row["id"] == second)
    method["customer"] = payer
    bench.line(payer, payment_method=second, product="Locker")
    other = bench.elsewhere(tmp_path / "other")
    other.rows = other.rows[1:]
    other.write()
    lived(other)
    item = the_item(other)
    shown = bench.post(f"/v1/subscriptions/{item.object_id}", item.account, "GET")
    assert (item.facts.get("own_default"), shown["default_payment_method"]) == (True, item.facts["clone"])


def test_a_line_that_names_what_its_payer_changed_to_before_a_sync_follows_the_link(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)
    payer = bench.rows[0]["customer"]
    newest = bench.post("/v1/payment_methods/pm_card_mastercard/attach", customer=payer)["id"]
    bench.post(f"/v1/customers/{payer}", **{"invoice_settings[default_payment_method]": newest})
    bench.line(payer, payment_method=newest, product="Locker")
    other = bench.elsewhere(tmp_path / "other")
    other.rows = other.rows[1:]
    other.write()
    lived(other)
    item = the_item(other)
    shown = bench.post(f"/v1/subscriptions/{item.object_id}", item.account, "GET")
    assert (item.facts.get("own_default"), shown["default_payment_method"]) == (None, None)


# --- given up ---------------------------------------------------------------------------------------------------------


def test_nothing_that_only_looks_pays(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.LOST_BEFORE, PAY, times=10**6)
    lived(bench)
    paid = bench.sent(PAY)
    for verb in ("resolve", "settle"):
        again(bench, verb)
    assert (bench.sent(PAY), bench.sent(END)) == (paid, 0)


def test_a_line_given_up_while_its_open_has_no_answer_is_found_ended_and_failed_at_once(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.LOST_AFTER, OPEN)
    bench.world.script(FaultKind.UNAVAILABLE_503, OPEN, nth=2, times=10**6)
    bench.world.script(FaultKind.UNAVAILABLE_503, LIST, nth=2, times=10**6)
    lived(bench)
    assert states(bench) == [State.OPENING]
    bench.sandbox.faults = FaultPlan()
    run_virtually(bench.give_up)
    run_virtually(bench.assert_true)
    item, (book,) = the_item(bench), bench.books()
    assert (item.state, item.facts["reason_code"], item.facts["group"]) == (State.FAILED, "cancelled", Group.SKIPPED)
    assert (book.status, book.open, book.paid) == ("incomplete_expired", 0, 0)


@pytest.mark.parametrize("later", [False, True])
def test_a_line_given_up_before_it_was_paid_or_started_never_is(tmp_path, later):
    bench = SubscribeWorld.make(tmp_path)
    if later:
        bench.rows[0]["trial_end"] = bench.date(10)
        bench.write()
    bench.world.script(FaultKind.LOST_BEFORE, START if later else PAY, times=10**6)
    lived(bench)
    bench.sandbox.faults = FaultPlan()
    run_virtually(bench.give_up)
    bench.sandbox.advance(20 * DAY)
    run_virtually(bench.assert_true)
    assert (states(bench), [book.taken for book in bench.books()]) == ([State.FAILED], [0])


def test_a_line_that_waited_until_its_subscription_expired_is_subscribed_by_the_next_run(tmp_path):
    bench = SubscribeWorld.make(tmp_path)
    bench.world.script(FaultKind.UNAVAILABLE_503, PAY, times=10**6)
    lived(bench)
    bench.sandbox.faults = FaultPlan()
    bench.sandbox.advance(2 * DAY)
    again(bench, "resolve")
    assert the_item(bench).facts["reason_code"] == "subscription_expired"
    lived(bench)
    assert states(bench) == [State.SUCCEEDED, State.FAILED]  # the newest generation comes first
    assert [book.paid for book in bench.books() if book.counts] == [1]


@pytest.mark.parametrize(("run_id", "said"), [(RUN, []), ("gym-2026-12", ["subscribed_before"])])
def test_a_plan_warns_of_lines_that_another_period_has_subscribed_and_no_other(tmp_path, run_id, said):
    bench = SubscribeWorld.make(tmp_path)
    lived(bench)

    async def planned():
        async with bench.world.services() as services:
            with open_run(bench.world.file, run_id=run_id) as source:
                return await make_plan(services, source, PlanOptions(Preflight.ALL))

    notices = [each for each in run_virtually(planned).warnings if each.code == "subscribed_before"]
    assert [each.code for each in notices] == said
    assert all(f"{bench.rows[0]['reference']} by {RUN}" in each.text for each in notices)


def test_a_plan_says_what_another_ledger_has_subscribed_and_the_run_takes_it_over(tmp_path):
    bench = SubscribeWorld.make(tmp_path, ("pm_card_visa",) * 2)
    bench.rows = bench.rows[:1]
    bench.write()
    lived(bench)
    other = bench.elsewhere(tmp_path / "other")
    bench.line(save_customer(bench.sandbox)[0])
    other.rows = list(bench.rows)
    other.write()

    async def planned():
        async with other.world.services() as services:
            with open_run(other.world.file, run_id=RUN) as source:
                return await make_plan(services, source, PlanOptions(Preflight.ALL))

    rows = {code: row.lines for code, row in run_virtually(planned).rows.items()}
    assert rows == {"paid_elsewhere": 1, "to_charge": 1}
    lived(other)
    assert states(other) == [State.SUCCEEDED] * 2
    assert len([book for book in bench.books() if book.counts]) == 2
