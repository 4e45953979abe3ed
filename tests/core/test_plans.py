"""One line against what is on record: new is charged, the same goes on, a correction begins anew, paid is paid."""

from dataclasses import replace
from hashlib import sha256

import pytest

from billing.core.entries import ItemRecord
from billing.core.findings import UNREAD, Findings
from billing.core.items import Charge, Kind, Mode, Personal
from billing.core.keys import charge_digest, item_id
from billing.core.kinds.charge import CHARGE_LIFE, State
from billing.core.kinds.charge_rules import CHARGE_RULES
from billing.core.kinds.rules import RULES
from billing.core.money import Money
from billing.core.planrows import ROWS, row_of
from billing.core.plans import Continue, Create, PlanContext, Refuse, Replace, Skip, decide
from billing.core.skips import SKIPS

EUROS = Charge("INV-1", "acct_1", "cus_1", "pm_1", Money(1099, "eur"))
CHARGE = Charge("INV-1", "acct_1", "cus_1", "pm_1", Money(1099, "usd"), application_fee=55, description="Coaching")
SCENE = PlanContext("acct_P", Mode.TEST, "2026-11", "coaching-2026-11", frozen=False, amend=False, findings=Findings())
FROZEN = replace(SCENE, frozen=True)
ELSEWHERE = "coaching-b-2026-11"


def an_item(
    charge: Charge,
    run_id: str = "coaching-2026-11",
    state: State = State.PLANNED,
    reason: str = "",
    generation: int = 0,
) -> ItemRecord:
    new = decide(SCENE, charge, None).new
    return ItemRecord(
        id=7,
        item_id=new.item_id,
        run_id=run_id,
        kind=Kind.CHARGE,
        reference=new.reference,
        generation=generation,
        account=new.account,
        payer=new.payer,
        amount=new.amount,
        currency=new.currency,
        digest=new.digest,
        content=new.content,
        state=state,
        facts={"reason_code": reason} if reason else {},
    )


RETURNED = an_item(CHARGE, state=State.RETURNED, reason="insufficient_funds")
RETURNED_ELSEWHERE = an_item(CHARGE, ELSEWHERE, State.RETURNED, "insufficient_funds")


@pytest.mark.parametrize("context", [SCENE, FROZEN, replace(SCENE, amend=True)])
def test_a_line_that_was_paid_and_came_back_is_not_charged_again_by_the_same_sheet(context):
    decision = decide(context, CHARGE, RETURNED)
    assert decision == Continue(RETURNED)
    assert row_of(decision) == "returned"
    elsewhere = decide(context, CHARGE, RETURNED_ELSEWHERE)
    assert (type(elsewhere), elsewhere.reason, row_of(elsewhere)) == (Skip, "returned", "returned")


def test_a_line_that_came_back_is_asked_for_anew_only_as_a_change_on_purpose():
    changed = replace(CHARGE, payment_method="pm_2")
    for context in (SCENE, FROZEN):
        refused = decide(context, changed, RETURNED)
        assert (type(refused), refused.code) == (Refuse, "content_changed")
        assert "--amend" in refused.hint
        assert type(decide(context, changed, RETURNED_ELSEWHERE)) is Refuse
    anew = decide(replace(SCENE, amend=True), changed, RETURNED)
    assert (type(anew), anew.new.generation, anew.before) == (Create, 1, RETURNED)


def test_what_an_operator_decided_after_a_line_came_back_counts_more_than_that_it_did():
    closed = an_item(CHARGE, state=State.RETURNED, reason="cancelled")
    closed = replace(closed, facts={**closed.facts, "group": "skipped"})
    decision = decide(SCENE, CHARGE, closed)
    assert decision == Continue(closed, "cancelled")
    assert row_of(decision) == "cancelled"


def test_a_new_obligation_is_created_with_everything_its_requests_need():
    decision = decide(SCENE, CHARGE, None)
    assert isinstance(decision, Create)
    new = decision.new
    assert new.item_id == item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 0, Kind.CHARGE)
    assert (new.amount, new.currency, new.account, new.payer, new.skip) == (1099, "usd", "acct_1", "cus_1", None)
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
    context = replace(SCENE, findings=Findings(defaults={"cus_1": "pm_default"}))
    new = decide(context, replace(CHARGE, payment_method=None), None).new
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
    assert isinstance(decide(SCENE, CHARGE, an_item(CHARGE)), Continue)


def test_a_default_that_moved_since_is_still_the_same_content():
    by_default = replace(CHARGE, payment_method=None)
    assert isinstance(decide(SCENE, by_default, an_item(by_default)), Continue)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"amount": Money(2999, "usd")}, "amount 10.99 USD -> 29.99 USD"),
        ({"account": "acct_2"}, "account acct_1 -> acct_2"),
        ({"customer": "cus_2"}, "customer cus_1 -> cus_2"),
        ({"payment_method": "pm_2"}, "payment_method pm_1 -> pm_2"),
        ({"application_fee": 60}, "application_fee 0.55 USD -> 0.60 USD"),
        ({"description": None}, "description Coaching -> "),
        ({"statement_suffix": "NOV"}, "statement_suffix  -> NOV"),
        ({"metadata": (("a", "b"),)}, "metadata {} -> {'a': 'b'}"),
    ],
)
@pytest.mark.parametrize("state", sorted(set(State) - {State.SKIPPED, State.FAILED}))
def test_other_content_of_a_run_that_has_begun_is_refused_and_the_difference_named(change, named, state):
    decision = decide(FROZEN, replace(CHARGE, **change), an_item(CHARGE, state=state))
    assert isinstance(decision, Refuse)
    assert named in decision.message
    assert ("--amend" in decision.hint) == (state not in PAID)


PAID = (State.SUCCEEDED, State.UNSETTLED)
DEARER = replace(CHARGE, amount=Money(2999, "usd"))
OPEN = sorted(set(State) - CHARGE_LIFE.final - {State.UNSETTLED})


@pytest.mark.parametrize("state", OPEN)
def test_a_correction_of_what_is_not_paid_replaces_it_with_the_next_generation(state):
    decision = decide(SCENE, DEARER, an_item(CHARGE, state=state))
    assert isinstance(decision, Replace)
    assert decision.new.item_id == item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 1, Kind.CHARGE)
    assert (decision.new.amount, decision.changes[0][:]) == (2999, ("amount", "10.99 USD", "29.99 USD"))


@pytest.mark.parametrize("state", PAID)
@pytest.mark.parametrize("amend", [False, True])
def test_what_was_paid_or_is_on_its_way_cannot_be_changed_by_an_amendment(state, amend):
    decision = decide(replace(SCENE, amend=amend), DEARER, an_item(CHARGE, state=state))
    assert isinstance(decision, Refuse)
    assert "restore the line" in decision.hint


def test_a_reference_that_a_begun_run_does_not_have_needs_amend():
    assert isinstance(decide(FROZEN, CHARGE, None), Refuse)
    assert isinstance(decide(SCENE, CHARGE, None), Create)


@pytest.mark.parametrize("run_id", ["coaching-2026-11", ELSEWHERE])
@pytest.mark.parametrize(
    ("reason", "still"),
    [
        ("account_unknown", Findings(accounts={"acct_1": "account_unknown"})),
        ("method_expired", Findings(methods={"pm_1": "method_expired"})),
        ("account_invalid", Findings(accounts={"acct_1": "account_unknown"})),
    ],
)
def test_a_skipped_line_is_taken_up_once_its_cause_is_repaired_and_no_sooner(run_id, reason, still):
    item = an_item(CHARGE, run_id, State.SKIPPED, reason, generation=2)
    decision = decide(FROZEN, CHARGE, item)
    assert isinstance(decision, Create)
    assert decision.new.item_id == item_id(Mode.TEST, "acct_P", "2026-11", "INV-1", 3, Kind.CHARGE)
    assert not isinstance(decide(replace(FROZEN, findings=still), CHARGE, item), Create)


def test_a_line_stays_skipped_while_nothing_was_looked_up_about_its_cause():
    context = replace(SCENE, unexamined=frozenset({"method_expired"}))
    decision = decide(context, CHARGE, an_item(CHARGE, state=State.SKIPPED, reason="method_expired"))
    assert decision == Continue(an_item(CHARGE, state=State.SKIPPED, reason="method_expired"), "method_expired")


def test_a_card_block_holds_a_planned_line_back_and_frees_a_skipped_one_when_it_is_over():
    blocked = replace(SCENE, blocked={"pm_1": "stolen_card"})
    assert decide(blocked, CHARGE, None).new.skip == "card_blocked"
    assert decide(blocked, CHARGE, an_item(CHARGE)).skip == "card_blocked"
    skipped = an_item(CHARGE, state=State.SKIPPED, reason="card_blocked")
    assert decide(blocked, CHARGE, skipped).skip == "card_blocked"
    assert isinstance(decide(SCENE, CHARGE, skipped), Create)


def test_a_planned_line_that_a_look_up_finds_unusable_is_left_out():
    context = replace(SCENE, findings=Findings(methods={"pm_1": "method_expired"}))
    assert decide(context, CHARGE, an_item(CHARGE)) == Continue(an_item(CHARGE), "method_expired")
    assert decide(context, CHARGE, an_item(CHARGE, state=State.READY)) == Continue(an_item(CHARGE, state=State.READY))


def test_a_planned_line_follows_a_default_that_moved():
    by_default = replace(CHARGE, payment_method=None)
    context = replace(SCENE, findings=Findings(defaults={"cus_1": "pm_new"}))
    decision = decide(context, by_default, an_item(by_default))
    assert (type(decision), decision.changes, decision.new.content["payment_method"]) == (Replace, (), "pm_new")
    assert isinstance(decide(context, by_default, an_item(by_default, state=State.READY)), Continue)


@pytest.mark.parametrize("state", [State.SKIPPED, State.FAILED])
@pytest.mark.parametrize("reason", ["withdrawn", "corrected"])
def test_what_the_file_closed_comes_back_with_the_line_and_under_amend_once_the_run_has_begun(state, reason):
    item = an_item(CHARGE, state=state, reason=reason)
    assert isinstance(decide(FROZEN, CHARGE, item), Refuse)
    assert isinstance(decide(SCENE, CHARGE, item), Create)


@pytest.mark.parametrize("run_id", ["coaching-2026-11", ELSEWHERE])
@pytest.mark.parametrize("state", [State.SKIPPED, State.FAILED])
def test_what_the_operator_cancelled_comes_back_only_with_other_content_under_amend(state, run_id):
    item = an_item(CHARGE, run_id, state, "cancelled")
    for context in (SCENE, replace(SCENE, amend=True)):
        assert row_of(decide(context, CHARGE, item)) == "cancelled"
    assert isinstance(decide(SCENE, DEARER, item), Refuse)
    assert isinstance(decide(replace(SCENE, amend=True), DEARER, item), Create)


def test_what_failed_begins_anew_with_other_content_or_when_the_account_was_to_blame():
    failed = an_item(CHARGE, state=State.FAILED, reason="card_declined")
    assert decide(SCENE, CHARGE, failed) == Continue(failed)
    assert isinstance(decide(SCENE, DEARER, failed), Create)
    assert isinstance(decide(FROZEN, DEARER, failed), Refuse)
    account = an_item(CHARGE, state=State.FAILED, reason="capability_not_active")
    assert isinstance(decide(FROZEN, CHARGE, account), Create)


@pytest.mark.parametrize("state", sorted(set(State) - {State.SKIPPED}))
def test_an_obligation_of_another_run_is_never_charged_again(state):
    decision = decide(SCENE, CHARGE, an_item(CHARGE, run_id=ELSEWHERE, state=state))
    assert isinstance(decision, Skip)
    assert decision.reason in SKIPS
    assert (decision.reason == "already_paid") == (state is State.SUCCEEDED)


@pytest.mark.parametrize("state", sorted(set(State) - {State.SKIPPED, State.FAILED}))
def test_other_content_of_what_another_run_holds_is_refused(state):
    decision = decide(replace(SCENE, amend=True), DEARER, an_item(CHARGE, run_id=ELSEWHERE, state=state))
    assert isinstance(decision, Refuse)
    assert ("billing cancel" in decision.hint) == (state not in {*PAID, *CHARGE_LIFE.taken_back})


@pytest.mark.parametrize("state", [State.FAILED, State.SKIPPED])
@pytest.mark.parametrize("reason", ["paid_elsewhere", "opened_elsewhere"])
def test_what_another_ledger_has_charged_or_may_charge_is_never_begun_anew(reason, state):
    item = an_item(CHARGE, state=state, reason=reason)
    assert not isinstance(decide(SCENE, CHARGE, item), Create)
    assert isinstance(decide(replace(SCENE, amend=True), DEARER, item), Refuse)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("run_id", ["coaching-2026-11", ELSEWHERE])
@pytest.mark.parametrize("reason", ["", "account_unknown", "withdrawn", "cancelled", "capability_not_active"])
@pytest.mark.parametrize("charge", [CHARGE, DEARER])
@pytest.mark.parametrize("context", [SCENE, FROZEN, replace(SCENE, amend=True)])
def test_a_generation_opens_only_after_an_end_without_money_and_every_line_has_a_row(
    state, run_id, reason, charge, context
):
    decision = decide(context, charge, an_item(CHARGE, run_id, state, reason))
    if isinstance(decision, Create):
        assert state in CHARGE_LIFE.reopens
    if isinstance(decision, Replace):
        assert state in OPEN
    if not isinstance(decision, Refuse):
        assert row_of(decision) in (*ROWS, "capability_not_active", "")


def test_good_reasons_to_skip_are_those_that_leave_nothing_owed():
    good = {code for code, reason in SKIPS.items() if reason.good}
    assert good == {"already_paid", "withdrawn", "corrected", "cancelled", "default_moved", "closed_before_loss"} | {
        "already_refunded",
        "over_already",
        "ending_already",
    }


WHO = Personal((("email", "jane@example.com"),))
OF_PEOPLE = replace(CHARGE_RULES, personal=lambda _item: WHO)


@pytest.fixture
def of_people(monkeypatch):
    """Let charges say who somebody is."""
    monkeypatch.setitem(RULES, Kind.CHARGE, OF_PEOPLE)


def _keyed(data: bytes) -> str:
    return sha256(b"the key of a ledger" + data).hexdigest()


def test_who_a_line_is_about_is_in_its_digest_under_the_ledgers_key_alone(of_people, monkeypatch):
    keyed = replace(SCENE, keyed=_keyed)
    assert SCENE.digest(CHARGE) == charge_digest(CHARGE), "without a ledger nothing of it is in any digest"
    assert keyed.digest(CHARGE) != SCENE.digest(CHARGE)
    told = keyed.digest(CHARGE)
    other = Personal((("email", "john@example.com"),))
    monkeypatch.setitem(RULES, Kind.CHARGE, replace(OF_PEOPLE, personal=lambda _item: other))
    assert keyed.digest(CHARGE) != told


def test_a_line_about_somebody_else_is_another_line_and_nothing_of_either_is_told(of_people, monkeypatch):
    keyed = replace(FROZEN, keyed=_keyed)
    record = replace(an_item(CHARGE), digest=keyed.digest(CHARGE))
    assert isinstance(decide(keyed, CHARGE, record), Continue)
    other = Personal((("email", "john@example.com"),))
    monkeypatch.setitem(RULES, Kind.CHARGE, replace(OF_PEOPLE, personal=lambda _item: other))
    refused = decide(keyed, CHARGE, record)
    assert isinstance(refused, Refuse)
    assert "personal data as planned -> changed" in refused.message
    assert "example.com" not in refused.message
