"""The table of declines: every code Stripe lists has a remedy, and the strictest word decides."""

from datetime import timedelta

import pytest

from billing.core.declines import (
    ADVICE,
    CODES,
    MASTERCARD_WAITS,
    MEANINGS,
    NETWORK_ADVICE,
    REASONS,
    STRICTNESS,
    TABLE_DATE,
    Remedy,
    decline_of,
    table_as_markdown,
)
from billing.core.life import Group

# docs.stripe.com/declines/codes, 2026-04-15
LISTED = """
approve_with_id authentication_not_handled authentication_required call_issuer card_not_supported
card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card
fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip
insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year invalid_number
invalid_pin issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required
new_account_information_available no_action_taken not_permitted offline_pin_required online_or_offline_pin_required
pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card revocation_of_all_authorizations
revocation_of_authorization security_violation service_not_allowed stolen_card stop_payment_order testmode_decline
transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
"""


BLOCKING = """
lost_card stolen_card pickup_card restricted_card fraudulent merchant_blacklist security_violation
revocation_of_authorization revocation_of_all_authorizations stop_payment_order
"""


@pytest.mark.parametrize("code", LISTED.split())
def test_every_listed_code_has_a_remedy_of_its_own(code):
    decline = decline_of({"code": "card_declined", "decline_code": code})
    assert (decline.code, decline.decline_code) == (code, code)
    assert decline.remedy is not Remedy.REPORT
    assert decline.what_to_do.endswith(".")
    assert decline.note


@pytest.mark.parametrize("error", [{}, {"code": "card_declined"}, {"decline_code": "made_up"}, {"code": 7},
                                   {"decline_code": ["lost_card"]}])  # fmt: skip
def test_an_unknown_code_is_reported_and_never_repeated(error):
    decline = decline_of(error)
    assert decline.remedy is Remedy.REPORT
    assert not decline.block_card
    assert decline.code


@pytest.mark.parametrize("code", BLOCKING.split())
def test_a_card_that_must_not_be_tried_again_is_blocked_for_all(code):
    decline = decline_of({"decline_code": code})
    assert decline.remedy is Remedy.NEVER
    assert decline.block_card


@pytest.mark.parametrize("code", ["insufficient_funds", "expired_card", "authentication_required", "generic_decline"])
def test_other_declines_block_no_card(code):
    assert not decline_of({"decline_code": code}).block_card


@pytest.mark.parametrize(
    ("error", "charge", "remedy", "code"),
    [
        ({"network_advice_code": "03", "advice_code": "try_again_later", "decline_code": "insufficient_funds"}, None,
         Remedy.NEVER, "insufficient_funds"),
        ({"network_advice_code": "21", "decline_code": "do_not_honor"}, None, Remedy.NEVER, "do_not_honor"),
        ({"network_advice_code": "3", "decline_code": "do_not_honor"}, None, Remedy.NEVER, "do_not_honor"),
        ({"network_advice_code": "02", "decline_code": "do_not_honor"}, None, Remedy.LATER, "do_not_honor"),
        ({"advice_code": "do_not_try_again", "decline_code": "insufficient_funds"}, None, Remedy.NEVER,
         "insufficient_funds"),
        ({"advice_code": "confirm_card_data", "decline_code": "do_not_honor"}, None, Remedy.CUSTOMER, "do_not_honor"),
        ({"decline_code": "generic_decline"}, {"outcome": {"reason": "highest_risk_level"}}, Remedy.NEVER,
         "highest_risk_level"),
        ({"decline_code": "generic_decline", "charge": {"id": "ch_1", "outcome": {"advice_code": "do_not_try_again"}}},
         None, Remedy.NEVER, "generic_decline"),
        ({"code": "expired_card", "decline_code": "made_up"}, None, Remedy.NEVER, "expired_card"),
        ({"code": "expired_card"}, None, Remedy.NEVER, "expired_card"),
        ({"advice_code": "try_again_later", "decline_code": "authentication_required"}, None, Remedy.CUSTOMER,
         "authentication_required"),
        ({"advice_code": "confirm_card_data", "decline_code": "expired_card"}, None, Remedy.NEVER, "expired_card"),
        ({"advice_code": "try_again_later", "decline_code": "duplicate_transaction"}, None, Remedy.CHECK,
         "duplicate_transaction"),
        ({"advice_code": "try_again_later", "decline_code": "stolen_card"}, None, Remedy.NEVER, "stolen_card"),
    ],
)  # fmt: skip
def test_the_strictest_of_advice_reason_and_codes_decides(error, charge, remedy, code):
    decline = decline_of(error, charge)
    assert (decline.remedy, decline.code) == (remedy, code)


def test_among_equally_strict_rows_the_one_with_more_authority_names_the_reason():
    decline = decline_of({"decline_code": "fraudulent"}, {"outcome": {"reason": "highest_risk_level"}})
    assert decline.code == "highest_risk_level"
    assert decline.block_card


@pytest.mark.parametrize("code", [code for code, rule in CODES.items() if rule.remedy in (Remedy.LATER, Remedy.SOON)])
@pytest.mark.parametrize("advice", [{}, {"advice_code": "try_again_later"}])
def test_what_is_said_to_have_happened_is_what_the_code_beside_it_means_whatever_is_advised(code, advice):
    decline = decline_of({"code": "card_declined", "decline_code": code} | advice)
    assert (decline.code, decline.note) == (code, CODES[code].note)


@pytest.mark.parametrize("table", [NETWORK_ADVICE, ADVICE, REASONS, CODES])
def test_a_decline_waits_for_the_customer_when_and_only_when_its_sentence_sends_somebody_to_the_customer(table):
    for name, rule in table.items():
        assert (rule.group is Group.NEEDS_CUSTOMER) == ("the customer" in rule.what_to_do), name


@pytest.mark.parametrize("table", [NETWORK_ADVICE, ADVICE, REASONS, CODES])
def test_what_passes_by_itself_or_wants_a_look_waits_for_no_customer(table):
    for name, rule in table.items():
        if rule.remedy is Remedy.CUSTOMER:
            assert rule.group is Group.NEEDS_CUSTOMER, name
        elif rule.remedy is not Remedy.NEVER:
            assert rule.group is Group.DECLINED, name


@pytest.mark.parametrize(
    ("code", "group"),
    [("expired_card", "needs_customer"), ("stolen_card", "needs_customer"), ("account_closed", "needs_customer"),
     ("insufficient_funds", "declined"), ("testmode_decline", "declined"), ("made_up", "declined")],
)  # fmt: skip
def test_the_group_of_a_decline_says_who_must_act(code, group):
    assert decline_of({"decline_code": code}).group == group


def test_an_error_keeps_what_the_network_said_and_its_charge():
    decline = decline_of({"network_decline_code": "51", "network_advice_code": "24", "charge": "ch_1"}, None, "req_1")
    assert (decline.network_decline_code, decline.network_advice_code) == ("51", "24")
    assert (decline.charge, decline.request_id) == ("ch_1", "req_1")


def test_the_printed_table_has_every_row_and_its_date_is_a_day():
    text = table_as_markdown()
    assert all(f"`{name}`" in text for table in (NETWORK_ADVICE, ADVICE, REASONS, CODES) for name in table)
    assert len(TABLE_DATE) == len("2026-04-15")
    assert set(MEANINGS) == set(Remedy)


ALL_ADVICE = [f"{number:02d}" for number in range(100)]
REMEDIES = {
    "01": Remedy.CUSTOMER, "04": Remedy.REPORT, "03": Remedy.NEVER, "21": Remedy.NEVER,
    **dict.fromkeys(("22", "40", "41", "43"), Remedy.NEVER),
}  # fmt: skip
HOURS = {"24": 1, "25": 24, "26": 48, "27": 96, "28": 144, "29": 192, "30": 240}


@pytest.mark.parametrize("advice", ALL_ADVICE)
@pytest.mark.parametrize("code", ["insufficient_funds", "processing_error", "stolen_card", "not_in_any_table"])
def test_mastercard_s_advice_makes_a_mastercard_s_decline_stricter_and_says_nothing_of_other_cards(advice, code):
    error = {"decline_code": code, "network_advice_code": advice}
    alone = decline_of({"decline_code": code})
    found = decline_of({**error, "payment_method": {"card": {"brand": "mastercard"}}})
    assert STRICTNESS.index(found.remedy) <= STRICTNESS.index(alone.remedy)
    wanted = min(alone.remedy, REMEDIES.get(advice, alone.remedy), key=STRICTNESS.index)
    if advice in MASTERCARD_WAITS or advice == "02":
        wanted = min(wanted, Remedy.LATER, key=STRICTNESS.index)
    assert found.remedy is wanted
    assert found.wait == (timedelta(hours=HOURS[advice]) if advice in HOURS else None)
    of_visa = decline_of({**error, "payment_method": {"card": {"brand": "visa"}}})
    assert of_visa.wait is None
    if advice not in NETWORK_ADVICE:
        assert (of_visa.remedy, of_visa.block_card) == (alone.remedy, alone.block_card)


def test_the_brand_is_read_from_the_failed_charge_too():
    charge = {"payment_method_details": {"card": {"brand": "mastercard"}}, "outcome": {"network_advice_code": "26"}}
    assert decline_of({"decline_code": "do_not_honor"}, charge).wait == timedelta(days=2)
