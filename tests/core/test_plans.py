"""One line against what is on record: new is charged, the same goes on, other content is refused."""

from dataclasses import replace

import pytest

from billing.core.entries import Known
from billing.core.findings import UNREAD, Findings
from billing.core.items import Charge, Kind, Mode
from billing.core.keys import charge_digest, item_id
from billing.core.money import Money
from billing.core.plans import SKIPS, Continue, Create, Refuse, Scene, Skip, decide
from billing.core.states import State

EUROS = Charge("INV-1", "acct_1", "cus_1", "pm_1", Money(1099, "eur"))
CHARGE = Charge("INV-1", "acct_1", "cus_1", "pm_1", Money(1099, "usd"), application_fee=55, description="Coaching")
SCENE = Scene("acct_P", Mode.TEST, "2026-11", "coaching-2026-11", existing=False, amend=False, findings=Findings())


def known_of(charge: Charge, run_id: str = "coaching-2026-11", state: State = State.PLANNED) -> Known:
    new = decide(SCENE, charge, None).new
    return Known(
        id=7,
        item=new.item,
        run_id=run_id,
        kind=Kind.CHARGE,
        reference=new.reference,
        generation=0,
        account=new.account,
        lane=new.lane,
        amount=new.amount,
        currency=new.currency,
        digest=new.digest,
        content=new.content,
        state=state,
    )


def test_a_new_obligation_is_created_with_everything_its_requests_need():
    decision = decide(SCENE, CHARGE, None)
    assert isinstance(decision, Create)
    new = decision.new
    assert new.item == item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0)
    assert (new.amount, new.currency, new.account, new.lane, new.skip) == (1099, "usd", "acct_1", "cus_1", None)
    assert new.digest == charge_digest(CHARGE)
    assert new.content == {
        "run_id": "coaching-2026-11",
        "customer": "cus_1",
        "payment_method": "pm_1",
        "asked_method": "pm_1",
        "application_fee": 55,
        "description": "Coaching",
    }


def test_the_customers_default_is_used_where_the_line_names_no_method():
    scene = replace(SCENE, findings=Findings(defaults={"cus_1": "pm_default"}))
    new = decide(scene, replace(CHARGE, payment_method=None), None).new
    assert (new.content["payment_method"], "asked_method" in new.content, new.skip) == ("pm_default", False, None)


@pytest.mark.parametrize(
    ("findings", "charge", "reason"),
    [
        (Findings(accounts={"acct_1": "account_cannot_charge"}), CHARGE, "account_cannot_charge"),
        (Findings(methods={"pm_1": "method_expired"}), CHARGE, "method_expired"),
        (Findings(defaults={"cus_1": ""}), replace(CHARGE, payment_method=None), "no_payment_method"),
        (Findings(), replace(CHARGE, account="acct_P"), "account_is_platform"),
        (Findings(customers={"cus_1": "customer_unknown"}), CHARGE, "customer_unknown"),
        (Findings(customers={"cus_1": UNREAD}), replace(CHARGE, payment_method=None), UNREAD),
        (Findings(owners={"pm_1": "cus_2"}), CHARGE, "method_of_other_customer"),
        (Findings(owners={"pm_1": ""}), CHARGE, "method_of_other_customer"),
        (Findings(types={"pm_1": "us_bank_account"}), EUROS, "method_not_for_currency"),
        (
            Findings(types={"pm_1": "us_bank_account"}, lacking={"acct_1": ("us_bank_account",)}),
            CHARGE,
            "method_not_for_account",
        ),
        (
            Findings(prefixes={"acct_1": 8}),
            replace(CHARGE, statement_suffix="NOVEMBER-2026"),
            "suffix_too_long",
        ),
    ],
)
def test_what_the_look_ups_found_unusable_is_planned_as_skipped(findings, charge, reason):
    new = decide(replace(SCENE, findings=findings), charge, None).new
    assert (new.skip, new.facts["group"], new.content["skip"]) == (reason, "skipped", reason)


@pytest.mark.parametrize(
    ("findings", "charge"),
    [
        (Findings(owners={"pm_1": "cus_1"}), CHARGE),
        (Findings(types={"pm_1": "us_bank_account"}), CHARGE),
        (Findings(types={"pm_1": "card"}, lacking={"acct_1": ("us_bank_account",)}), EUROS),
        (Findings(types={"pm_1": "us_bank_account"}, lacking={"acct_2": ("us_bank_account",)}), CHARGE),
        (Findings(prefixes={"acct_1": 8}), replace(CHARGE, statement_suffix="NOVEMBER-202")),
        (Findings(prefixes={"acct_1": 8}), CHARGE),
        (Findings(defaults={"cus_2": ""}), replace(CHARGE, payment_method=None)),
    ],
)
def test_what_was_found_about_others_or_just_fits_keeps_nobody_from_paying(findings, charge):
    assert decide(replace(SCENE, findings=findings), charge, None).new.skip is None


def test_the_same_content_in_the_same_run_goes_on():
    assert isinstance(decide(SCENE, CHARGE, known_of(CHARGE)), Continue)


def test_a_default_that_moved_since_is_still_the_same_content():
    by_default = replace(CHARGE, payment_method=None)
    assert isinstance(decide(SCENE, by_default, known_of(by_default)), Continue)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": Money(2999, "usd")}, "amount 10.99 USD -> 29.99 USD"),
        ({"account": "acct_2"}, "account acct_1 -> acct_2"),
        ({"customer": "cus_2"}, "customer cus_1 -> cus_2"),
        ({"payment_method": "pm_2"}, "payment_method pm_1 -> pm_2"),
        ({"application_fee": 60}, "application_fee 55 -> 60"),
        ({"description": None}, "description Coaching -> "),
        ({"statement_suffix": "NOV"}, "statement_suffix  -> NOV"),
        ({"metadata": (("a", "b"),)}, "metadata {} -> {'a': 'b'}"),
    ],
)
@pytest.mark.parametrize("state", [State.PLANNED, State.CONFIRMING, State.SUCCEEDED])
def test_other_content_under_a_used_reference_is_refused_and_the_difference_named(change, named, state):
    decision = decide(SCENE, replace(CHARGE, **change), known_of(CHARGE, state=state))
    assert isinstance(decision, Refuse)
    assert named in decision.message


def test_a_reference_the_planned_run_does_not_have_needs_amend():
    existing = replace(SCENE, existing=True)
    assert isinstance(decide(existing, CHARGE, None), Refuse)
    assert isinstance(decide(replace(existing, amend=True), CHARGE, None), Create)


@pytest.mark.parametrize("state", list(State))
def test_an_obligation_of_another_run_is_never_charged_again(state):
    decision = decide(SCENE, CHARGE, known_of(CHARGE, run_id="coaching-b-2026-11", state=state))
    assert isinstance(decision, Skip)
    assert decision.reason in SKIPS
    assert (decision.reason == "already_paid") == (state is State.SUCCEEDED)


def test_only_what_is_paid_is_a_good_reason_to_skip():
    assert [code for code, (_, _, good) in SKIPS.items() if good] == ["already_paid"]
