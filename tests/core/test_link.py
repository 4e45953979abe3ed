"""What follows from a look at a link: which copy is ours, who names another, what is let go, what is carried over."""

from dataclasses import replace

import pytest

from billing.core.objects.events import TYPES, method_in, payer_in
from billing.core.objects.link import (
    LINK,
    METHOD,
    Copy,
    Follows,
    Look,
    astray,
    change_of,
    differing,
    follows,
    in_step,
    older,
)
from billing.core.objects.link_reads import copies_in, own_methods, seen_customer, seen_payer

PAYER, NEW, OLD = "cus_P1", change_of("pm_new", (1, 2030), "4242"), change_of("pm_old", (1, 2030), "4242")
WAS, MINE = Copy("pm_a", 100, PAYER, OLD), Copy("pm_b", 200, PAYER, NEW)
DONE = Look(NEW, "pm_b", {"sub_1": "pm_b"}, (MINE,))


def what(look: Look, **fields: object) -> Follows:
    return follows(replace(look, **fields), PAYER, "pm_b", NEW)


def test_a_look_asks_for_the_first_thing_that_is_wrong():
    assert what(DONE) is Follows.NOTHING
    assert what(DONE, copies=(WAS, MINE)) is Follows.DETACH
    assert what(DONE, default="pm_a", copies=(WAS, MINE)) is Follows.REPOINT
    assert what(DONE, named={"sub_1": "pm_a"}, copies=(WAS, MINE)) is Follows.REPOINT
    assert what(DONE, fields_agree=False) is Follows.REPOINT
    assert what(DONE, newest=change_of("pm_newer", None, "1111"), default="pm_a") is Follows.CLONE
    assert what(DONE, copies=(WAS,)) is Follows.CLONE


def test_what_the_platform_lost_asks_for_no_copy_of_nothing():
    assert what(DONE, newest="") is Follows.NOTHING


@pytest.mark.parametrize(
    ("copy", "goes"),
    [
        (WAS, True),
        (replace(WAS, created=201), False),  # younger: somebody else has just made it
        (replace(WAS, created=200), False),  # of the same second: nobody knows which came first
        (replace(WAS, change=NEW), False),  # another ledger's copy of the very same
        (replace(WAS, link=""), False),  # not ours
        (replace(WAS, link="cus_P2"), False),  # of another payer
    ],
)
def test_only_what_is_ours_older_and_made_of_something_else_is_let_go(copy: Copy, goes: bool):
    assert older(Look(NEW, "pm_b", {}, (copy, MINE)), PAYER, "pm_b", NEW) == (("pm_a",) if goes else ())


def test_copies_of_earlier_attempts_are_older_even_in_one_second_and_a_dead_copy_lets_nothing_go():
    look = Look(NEW, "pm_b", {}, (replace(WAS, created=200), MINE))
    assert older(look, PAYER, "pm_b", NEW, ("pm_a",)) == ("pm_a",)
    assert older(replace(look, copies=(WAS,)), PAYER, "pm_b", NEW, ("pm_a",)) == ()


def test_a_subscription_that_names_what_is_not_ours_is_left_and_one_that_names_the_dead_is_not():
    theirs = Copy("pm_c", 50)
    look = Look(
        NEW, "pm_b", {"sub_1": "pm_c", "sub_2": "pm_a", "sub_3": "pm_dead", "sub_4": "pm_b"}, (theirs, WAS, MINE)
    )
    assert astray(look, PAYER, "pm_b") == ("sub_2", "sub_3")


def test_in_step_is_a_living_copy_of_the_newest_and_nothing_else_named():
    assert in_step(DONE, PAYER)
    for broken in (
        replace(DONE, default="pm_a"),
        replace(DONE, newest=OLD),
        replace(DONE, named={"sub_1": "pm_a"}, copies=(WAS, MINE)),
        replace(DONE, fields_agree=False),
        replace(DONE, copies=()),
    ):
        assert not in_step(broken, PAYER)
    assert in_step(replace(DONE, copies=(WAS, MINE)), PAYER)


def test_a_change_is_told_by_method_expiry_and_last_digits():
    ways = {change_of(*way) for way in (("pm_1", (1, 2030), "1"), ("pm_2", (1, 2030), "1"), ("pm_1", (2, 2030), "1"))}
    assert len(ways | {change_of("pm_1", (1, 2030), "2"), change_of("pm_1", None, "1")}) == 5


def test_what_differs_is_carried_over_and_what_cannot_be_unset_is_left():
    ours = {"name": "A", "email": None, "phone": "1", "address": {"city": "B", "line2": None}}
    assert differing(ours, {"name": "Z", "email": "e", "phone": "1", "address": None}) == {
        "name": "A", "address": {"city": "B"},
    }  # fmt: skip
    assert differing(ours, {"name": "A", "email": "e", "phone": "1", "address": {"city": "B", "line2": "x"}}) == {}
    assert differing({"address": None}, {"address": {"city": "B"}}) == {"address": ""}
    assert differing({}, {"address": {"city": None}}) == {}


# --- reads -----------------------------------------------------------------------------------------------------------

CARD = {"id": "pm_new", "object": "payment_method", "type": "card", "customer": PAYER,
        "card": {"exp_month": 1, "exp_year": 2030, "last4": "4242"}}  # fmt: skip


def payer(default: object) -> dict[str, object]:
    return {"id": PAYER, "object": "customer", "livemode": False, "name": "Canary",
            "invoice_settings": {"default_payment_method": default}}  # fmt: skip


def test_a_payer_shows_its_default_and_one_that_was_detached_is_none():
    seen = seen_payer(payer(CARD), PAYER, livemode=False)
    assert (seen.method, seen.change) == ("pm_new", NEW)
    assert "Canary" not in repr(seen)
    for default in (None, CARD | {"customer": None}, CARD | {"customer": "cus_P2"}):
        assert seen_payer(payer(default), PAYER, livemode=False).method == ""
    assert seen_payer({"id": PAYER, "object": "customer", "deleted": True}, PAYER, livemode=False).deleted


@pytest.mark.parametrize(
    "body", [payer("pm_new"), payer(CARD) | {"id": "cus_P2"}, payer(CARD) | {"livemode": True}, {}]
)
def test_what_is_not_whole_or_not_what_was_asked_for_shows_nothing(body):
    assert seen_payer(body, PAYER, livemode=False) is None


def test_a_copy_is_told_by_its_metadata_and_made_of_what_it_shows():
    row = CARD | {"id": "pm_b", "created": 200, "customer": "cus_C1", "metadata": {LINK: PAYER, METHOD: "pm_new"}}
    assert copies_in([row], "cus_C1") == (MINE,)
    assert copies_in([row | {"metadata": {}}], "cus_C1") == (Copy("pm_b", 200),)
    assert copies_in([row], "cus_C2") is None


def test_subscriptions_that_are_over_name_nothing_any_more():
    told = {"object": "subscription", "customer": "cus_C1", "default_payment_method": "pm_b"}
    statuses = ("active", "past_due", "canceled", "incomplete_expired")
    rows = [told | {"id": f"sub_{status}", "status": status} for status in statuses]
    assert own_methods(rows, "cus_C1") == {"sub_active": "pm_b", "sub_past_due": "pm_b"}
    assert own_methods([rows[0] | {"customer": "cus_C2"}], "cus_C1") is None
    assert seen_customer({"object": "charge"}, "cus_C1", livemode=False) is None


def test_an_event_tells_whom_it_is_about_and_a_detached_method_at_least_itself():
    updated = {"data": {"object": {"object": "customer", "id": PAYER}}}
    attached = {"data": {"object": CARD}}
    detached = {"data": {"object": CARD | {"customer": None}}}
    assert [payer_in(event) for event in (updated, attached, detached, {})] == [PAYER, PAYER, "", ""]
    assert [method_in(event) for event in (updated, detached, {})] == ["", "pm_new", ""]
    assert len(TYPES) <= 20
