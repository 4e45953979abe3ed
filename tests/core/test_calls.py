"""What is true of a request holds together, whatever kind of item sends it."""

import pytest

from billing.core.calls import Call, Op, Reads
from billing.core.classify import classify
from billing.core.exits import Exit
from billing.core.kinds import charge
from billing.core.outcomes import Declined, Expected, Halt, LookWhy, Lost, Made, Outcome, Refused, Undecided
from billing.core.replies import Reply

EXPECTED = Expected("item7", 1099, "usd", False, "re_1", None, 1, key="key")
USED = {"type": "idempotency_error", "message": "Keys for idempotent requests can only be used with the same content"}


def _made(reply: Reply, _expected: Expected) -> Outcome:
    return Made("re_1", reply=reply)


def _answer(op: Op, status: int, error: dict[str, str] | None, **reply: bool) -> Outcome:
    """What an error to a request means whose object shows nothing of its own."""
    call = Call(op, "/v1/refunds", {}, Reads(_made), account="")
    return classify(call, Reply(status, {"error": error} if error else None, request_id="req_1", **reply), EXPECTED)


@pytest.mark.parametrize("op", charge.OPS, ids=str)
def test_a_request_is_consistent_in_itself(op):
    assert op.looks or not op.decisive, "what moves money is looked at before its refusal is believed"
    assert not (op.single and op.per_attempt), "what must exist once is not made anew"
    assert op.changes or not (op.per_attempt or op.starts or op.single or op.decisive or op.looks)


def test_no_two_requests_of_a_charge_share_a_name_and_so_a_key():
    assert len({op.name for op in charge.OPS}) == len(charge.OPS)
    assert [str(op) for op in charge.OPS] == ["open", "clone", "confirm", "cancel", "read"]


def test_what_is_ended_by_delete_has_no_key_and_everything_else_that_changes_anything_has_one():
    assert [Op("any", changes=changes, ends=ends).keyed for changes, ends in ((1, 0), (1, 1), (0, 0))] == [1, 0, 0]


@pytest.mark.parametrize("status", [400, 402, 404])
def test_a_refusal_is_believed_at_once_only_of_a_request_that_does_not_look(status):
    error = {"type": "invalid_request_error", "code": "charge_already_refunded"}
    assert isinstance(_answer(Op("plain"), status, error), Refused)
    looked = _answer(Op("looking", looks=True), status, error)
    assert isinstance(looked, Undecided)
    assert (looked.why, looked.refused and looked.refused.code) == (LookWhy.NO_INTENT, "charge_already_refunded")


@pytest.mark.parametrize("replayed", [False, True])
def test_a_402_is_no_decline_unless_the_object_shows_what_was_declined(replayed):
    error = {"type": "card_error", "code": "card_declined"}
    outcome = _answer(Op("decisive", decisive=True, looks=True), 402, error, replayed=replayed)
    assert isinstance(outcome, Undecided)
    assert not isinstance(_answer(Op("plain"), 402, error), Declined)


def test_what_must_be_made_once_gets_its_next_key_only_on_proof_that_the_last_one_is_spent():
    error = {"type": "api_error"}
    likely, proved = (_answer(Op("single", single=True), 500, error, replayed=replayed) for replayed in (False, True))
    assert (likely, proved) == (Lost(False, reply=likely.reply), Lost(True, reply=proved.reply))
    other = _answer(Op("other"), 500, error)
    assert other == Lost(True, reply=other.reply)


def test_a_key_used_for_other_content_stops_the_run_where_a_second_object_could_be_made_and_else_costs_the_key():
    halt = _answer(Op("single", single=True), 400, USED)
    assert isinstance(halt, Halt)
    assert halt.exit is Exit.STOPPED
    renewed, looked = _answer(Op("other"), 400, USED), _answer(Op("decisive", decisive=True, looks=True), 400, USED)
    assert renewed == Lost(True, reply=renewed.reply)
    assert isinstance(looked, Undecided)
    assert looked.why is LookWhy.KEY_USED
