"""Faults: each does to the request and to its sender what its name says, and nothing else."""

from collections import Counter

import pytest

from billing.sandbox.config import Chances, ConfigProblem, Latency, SandboxConfig
from billing.sandbox.faults import Ending, Fault, FaultKind, FaultPlan, Scripted

DONE = {
    FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE, FaultKind.BAD_GATEWAY_DONE, FaultKind.CUT_BODY, FaultKind.HANG,
    FaultKind.SLOW, FaultKind.WRONG_OBJECT, FaultKind.EMPTY_200, FaultKind.PATCHED, FaultKind.PASSING_500_DONE,
}  # fmt: skip
STATUS = {
    FaultKind.STORED_500_DONE: 500, FaultKind.STORED_500_UNDONE: 500, FaultKind.BAD_GATEWAY_DONE: 502,
    FaultKind.PASSING_500_DONE: 500, FaultKind.PASSING_500_UNDONE: 500,
    FaultKind.BAD_GATEWAY_UNDONE: 502, FaultKind.HANG: 200, FaultKind.SLOW: 200, FaultKind.RATE_LIMITED: 429,
    FaultKind.LOCK_TIMEOUT: 429, FaultKind.THROTTLED_400: 400, FaultKind.KEY_IN_USE: 409,
    FaultKind.UNAVAILABLE_503: 503,
    FaultKind.DEPENDENCY_424: 424, FaultKind.WRONG_OBJECT: 200, FaultKind.EMPTY_200: 200, FaultKind.HTML_200: 200,
    FaultKind.REDIRECT: 302, FaultKind.PATCHED: 200, FaultKind.CANNED: 200,
}  # fmt: skip
ENDING = {
    FaultKind.REFUSED: Ending.REFUSED, FaultKind.LOST_BEFORE: Ending.DROPPED_BEFORE,
    FaultKind.LATE: Ending.DROPPED_BEFORE,
    FaultKind.LOST_AFTER: Ending.DROPPED_AFTER, FaultKind.CUT_BODY: Ending.CUT,
}  # fmt: skip


def confirmed_under(services, fault):
    """An intent whose confirm met this fault, with the answer."""
    intent, clone = services.open()["id"], services.clone()["id"]
    services.sandbox.faults.add(Scripted(fault, "payment_intents.confirm"))
    return intent, clone, services.confirm(intent, clone, key="c")


@pytest.mark.parametrize("kind", FaultKind)
def test_a_fault_does_its_work_or_does_not_and_looks_as_it_should(services, kind):
    intent, _, answer = confirmed_under(services, Fault(kind, seconds=60))
    assert services.book(intent).paid == (1 if kind in DONE else 0)
    assert answer.ending is ENDING.get(kind, Ending.ANSWERED)
    assert answer.status == STATUS.get(kind, 0)


@pytest.mark.parametrize("kind", [kind for kind in FaultKind if kind is not FaultKind.LATE])
def test_the_same_key_after_any_fault_never_pays_twice_and_all_but_a_stored_500_tell_the_truth(services, kind):
    intent, clone, _ = confirmed_under(services, Fault(kind))
    again = services.confirm(intent, clone, key="c")
    stored = kind in (FaultKind.STORED_500_DONE, FaultKind.STORED_500_UNDONE)
    truth = again if again.status == 200 else again.error.get("payment_intent")
    assert stored or truth["status"] == "succeeded"
    assert not stored or again.status == 500
    assert services.book(intent).paid == (0 if kind is FaultKind.STORED_500_UNDONE else 1)


def test_an_open_whose_500_is_not_kept_opens_a_second_intent_under_the_same_key(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.PASSING_500_DONE), "payment_intents.create"))
    assert services.open(key="k").status == 500
    again = services.open(key="k")
    assert (again.status, "idempotent-replayed" in again.headers) == (200, False)
    assert len(services.sandbox.books().intents) == 2


def test_a_late_request_is_carried_out_when_its_sender_has_given_up(services):
    intent, _, answer = confirmed_under(services, Fault(FaultKind.LATE, seconds=30))
    assert (answer.ending, services.book(intent).paid) == (Ending.DROPPED_BEFORE, 0)
    services.sandbox.advance(30)
    assert services.book(intent).paid == 1
    assert services.sandbox.requests["payment_intents.confirm"].late == 1


def test_a_late_confirm_meets_a_cancelled_intent_and_takes_nothing(services):
    intent, _, _ = confirmed_under(services, Fault(FaultKind.LATE, seconds=30))
    assert services.cancel(intent)["status"] == "canceled"
    services.sandbox.advance(30)
    assert services.book(intent).paid == 0


def test_a_hang_withholds_the_answer_but_not_the_work_nor_the_key(services):
    intent, clone = services.open()["id"], services.clone()["id"]
    services.sandbox.faults.add(Scripted(Fault(FaultKind.HANG, seconds=90), "payment_intents.confirm"))
    path, params = f"/v1/payment_intents/{intent}/confirm", {"payment_method": clone, "off_session": True}
    hanging = services.begin("POST", path, params, account=services.account.id, key="c")
    assert (hanging.reaction.delay, services.book(intent).paid) == (90, 1)
    assert services.confirm(intent, clone, key="c").headers["idempotent-replayed"] == "true"
    assert services.end(hanging)["status"] == "succeeded"


def test_a_slow_answer_keeps_its_key_in_use(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.SLOW, seconds=2)))
    params = {"amount": 1000, "currency": "usd", "allowed_payment_method_types": ["card"]}
    slow = services.begin("POST", "/v1/payment_intents", params, account=services.account.id, key="k")
    assert slow.reaction.delay == 2
    assert services.open(key="k").status == 409
    services.end(slow)


@pytest.mark.parametrize(
    "reason", ["global-rate", "endpoint-rate", "global-concurrency", "endpoint-concurrency", "resource-specific"]
)
def test_a_rate_limit_names_its_reason_and_a_lock_names_none(services, reason):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.RATE_LIMITED, reason=reason)))
    assert services.open().headers["stripe-rate-limited-reason"] == reason
    services.sandbox.faults.add(Scripted(Fault(FaultKind.LOCK_TIMEOUT)))
    locked = services.open()
    assert (locked.error["code"], "stripe-rate-limited-reason" in locked.headers) == ("lock_timeout", False)


def test_a_patched_answer_lies_in_the_named_fields_only(services):
    intent, _, answer = confirmed_under(services, Fault(FaultKind.PATCHED, patch={"amount": 1}))
    true = services.intent(intent).body
    assert answer.body == true | {"amount": 1}


def test_a_canned_answer_is_given_to_the_letter(services):
    canned = Fault(FaultKind.CANNED, status=418, headers={"x-tea": "pot"}, body=b"[1", done=True)
    intent, _, answer = confirmed_under(services, canned)
    assert (answer.status, answer.body, answer.headers["x-tea"], services.book(intent).paid) == (418, b"[1", "pot", 1)


def test_a_script_counts_the_requests_it_is_about(services):
    other = services.account
    lines = [
        Scripted(Fault(FaultKind.UNAVAILABLE_503), "payment_intents.create", other.id, nth=2, times=2),
        Scripted(Fault(FaultKind.DEPENDENCY_424), "*", nth=5),
    ]
    services.sandbox.faults.add(*lines)
    statuses = [services.open().status for _ in range(3)] + [services.get("/v1/account").status for _ in range(3)]
    assert statuses == [200, 503, 503, 200, 424, 200]


def test_a_script_for_one_account_leaves_the_others_alone(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.UNAVAILABLE_503), account="acct_other", times=99))
    assert services.open().status == 200


def test_chance_faults_come_as_often_as_asked_and_only_where_asked():
    plan = FaultPlan(7, Chances(kinds={"lost_after": 0.2, "slow": 0.1}, operations=("payment_intents.confirm",)))
    kinds = Counter(fault.kind for _ in range(5000) if (fault := plan.pick("payment_intents.confirm", None)))
    assert 900 < kinds[FaultKind.LOST_AFTER] < 1100
    assert 430 < kinds[FaultKind.SLOW] < 570
    assert all(plan.pick("payment_intents.create", None) is None for _ in range(100))


def test_the_same_seed_gives_the_same_faults_ids_and_latencies(make_desk):
    def play(seed):
        config = SandboxConfig(seed=seed, latency=Latency(0.6), chances=Chances(kinds={"lost_after": 0.3}))
        services = make_desk(config=config)
        endings = []
        for n in range(20):
            pending = services.begin("POST", "/v1/customers", {"description": str(n)})
            services.sandbox.finish(pending)
            endings.append((pending.reaction.delay, pending.reaction.ending))
        return endings, [row["id"] for row in services.sandbox.world.platform["cus"]]

    assert play(1) == play(1)
    assert play(1) != play(2)


@pytest.mark.parametrize("kinds", [{"meteor": 0.1}, {"slow": 0.7, "hang": 0.4}])
def test_impossible_chances_are_refused(kinds):
    with pytest.raises(ConfigProblem):
        FaultPlan(1, Chances(kinds=kinds))


def test_lost_requests_are_counted_as_sent_but_not_as_served(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.LOST_BEFORE), "payment_intents.create", nth=2))
    for _ in range(3):
        services.open()
    tally = services.sandbox.requests["payment_intents.create"]
    assert (tally.sent, tally.served, tally.lost, tally.statuses[200]) == (3, 2, 1, 2)
    assert tally.faults == {FaultKind.LOST_BEFORE: 1}


def test_a_rejection_is_quick_and_one_account_may_be_slow(make_desk):
    services = make_desk(
        config=SandboxConfig(latency=Latency(0.5, sigma=0.0, rejection_seconds=0.05, accounts={"acct_slow": 30}))
    )
    assert services.begin("GET", "/v1/account").reaction.delay == 0.5
    assert services.begin("GET", "/v1/account", api_key="").reaction.delay == 0.05
    services.sandbox.world.accounts["acct_slow"] = services.account
    assert services.begin("GET", "/v1/account", account="acct_slow").reaction.delay == 30


def test_a_cleared_plan_harms_nobody(services):
    services.sandbox.faults = FaultPlan(1, Chances(kinds={"lost_before": 1.0}), [Scripted(Fault(FaultKind.HTML_200))])
    assert services.open().body.startswith(b"<!DOCTYPE")
    services.sandbox.faults.clear()
    assert services.open().status == 200


def test_a_patch_leaves_an_error_as_it_is(services):
    services.sandbox.faults.add(Scripted(Fault(FaultKind.PATCHED, patch={"error": None})))
    assert services.open(amount="x").error["param"] == "amount"
