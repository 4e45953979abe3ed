"""One sync after another, against the sandbox: every default current, nothing dead, whatever goes wrong."""

from functools import partial
from pathlib import Path

import pytest

from billing.core.exits import Exit
from billing.core.kinds.sync import State
from billing.sandbox import issuer
from billing.sandbox.accounts import revoke
from billing.sandbox.faults import FaultKind
from billing.sandbox.issuer import NewCard
from tests.flow.sync_world import ATTACH, CLONE, DAY, DETACH, EMAIL, MOVE, NAME, UPDATE, SyncWorld
from tests.virtual import run_virtually

REFUSAL = b'{"error": {"type": "invalid_request_error", "code": "parameter_invalid", "param": "x", "message": "no"}}'


def synced(world: SyncWorld, **options: bool) -> Exit:
    code: Exit = run_virtually(partial(world.sync, **options)).exit
    world.assert_works()
    run_virtually(world.whole)
    return code


def states(world: SyncWorld) -> list[str]:
    return [str(item.state) for item in run_virtually(world.items)]


def test_what_was_just_subscribed_is_in_step_and_a_sync_finds_nothing(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, accounts=2)
    assert synced(world) is Exit.OK
    assert states(world) == []
    world.assert_in_step()


@pytest.mark.parametrize("own", [False, True])
def test_a_changed_card_is_copied_again_everywhere_and_the_old_copies_are_let_go(tmp_path: Path, own: bool) -> None:
    world = SyncWorld.make(tmp_path, ("pm_card_visa", "pm_card_visa"), accounts=2, own=own)
    synced(world)
    world.new_card(world.links[0].payer)
    assert synced(world) is Exit.OK
    assert states(world) == [State.SUCCEEDED] * 2
    world.assert_in_step()
    assert world.found[-1].says() == "1 customer, 2 links on 2 accounts: re-clone 2"
    assert (world.sent(DETACH), world.sent(MOVE)) == (2, 2 * own)


def test_a_second_sync_finds_nothing_and_sends_one_read(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, accounts=2)
    synced(world)
    world.new_card(world.links[0].payer)
    synced(world)
    world.sandbox.advance(3600)
    before = world.sandbox.requests.total()
    assert run_virtually(world.sync).exit is Exit.OK
    assert world.sandbox.requests.total() == before + 1
    assert len(states(world)) == 2


# --- what changes ----------------------------------------------------------------------------------------------------


def test_the_issuers_new_number_is_followed_under_the_same_payment_method(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, own=True)
    synced(world)
    method = world.default_of(world.links[0].payer)["id"]
    issuer.replace(world.sandbox.world, method, NewCard(12, 2035, "4444"))
    assert synced(world) is Exit.OK
    assert world.default_of(world.links[0].payer)["id"] == method
    world.assert_in_step()


def test_a_card_that_comes_back_is_copied_afresh_each_time(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    (link,) = world.links
    first = world.default_of(link.payer)["id"]
    synced(world)
    for method in (world.new_card(link.payer), first, world.new_card(link.payer)):
        world.post(f"/v1/customers/{link.payer}", **{"invoice_settings[default_payment_method]": method})
        world.sandbox.advance(3600)
        assert synced(world) is Exit.OK
        world.assert_in_step()
    assert states(world) == [State.SUCCEEDED] * 3
    assert [item.reference.rpartition(":")[2] for item in run_virtually(world.items)] == ["1", "2", "3"]


def test_a_new_name_is_carried_over_without_a_new_copy_and_reaches_nothing_else(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, accounts=2)
    synced(world)
    payer = world.links[0].payer
    world.post(f"/v1/customers/{payer}", name="Canary Newname", **{"address[city]": "Canaryville"})
    copies, updates = world.sent(CLONE), world.sent(UPDATE)
    assert synced(world) is Exit.OK
    assert world.found[-1].says() == "1 customer, 2 links on 2 accounts: update name 2"
    assert (world.sent(CLONE), world.sent(UPDATE)) == (copies, updates + 2)
    world.assert_in_step()
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    told = str(world.world.events).encode()
    assert all(name.encode() not in written + told for name in ("Canary", EMAIL, NAME))


def test_a_name_and_a_card_go_in_one_repoint(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    synced(world)
    world.new_card(world.links[0].payer)
    world.post(f"/v1/customers/{world.links[0].payer}", name="Somebody Canary", email="other@example.com")
    updates = world.sent(UPDATE)
    assert synced(world) is Exit.OK
    assert world.sent(UPDATE) == updates + 1
    assert world.found[-1].says() == "1 customer, 1 link on 1 account: re-clone 1, update name 1"
    world.assert_in_step()


def test_after_a_sync_the_renewal_is_paid_with_the_new_card(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, own=True)
    synced(world)
    issuer.replace(world.sandbox.world, world.default_of(world.links[0].payer)["id"], NewCard(12, 2035, "4444"))
    synced(world)
    world.sandbox.advance(40 * DAY)
    (subscription,) = world.subscriptions(world.links[0])
    assert subscription["status"] == "active"


# --- what is told and left -------------------------------------------------------------------------------------------


def test_a_removed_method_is_told_once_and_nothing_is_detached_for_it(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, accounts=2)
    synced(world)
    world.post(f"/v1/payment_methods/{world.default_of(world.links[0].payer)['id']}/detach")
    assert synced(world) is Exit.DECLINES
    assert world.found[-1].says() == "1 customer, 2 links on 2 accounts: method removed 2"
    assert states(world) == [State.SKIPPED] * 2
    assert synced(world) is Exit.OK
    assert len(states(world)) == 2
    found = run_virtually(world.look)
    assert (found.drifted, found.needs["method_removed"]) == (True, 2)
    assert all(world.attached(link) and world.subscriptions(link) for link in world.links)


def test_a_deleted_customer_is_told_and_its_subscriptions_are_left(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    synced(world)
    world.delete(f"/v1/customers/{world.links[0].payer}")
    synced(world)
    (item,) = run_virtually(world.items)
    assert (item.state, item.facts["reason_code"]) == (State.SKIPPED, "customer_deleted")
    assert [row["status"] for row in world.subscriptions(world.links[0])] == ["active"]


def test_a_method_that_is_not_ours_is_neither_moved_nor_detached(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    (link,) = world.links
    theirs = world.post("/v1/payment_methods/pm_card_amex/attach", link.account, customer=link.customer)["id"]
    own = world.open(link.account, link.customer, default_payment_method=theirs)
    synced(world)
    world.new_card(link.payer)
    assert synced(world) is Exit.OK
    named = {row["id"]: row["default_payment_method"] for row in world.subscriptions(link)}
    assert named[own] == theirs
    assert theirs in {copy["id"] for copy in world.attached(link)}
    assert run_virtually(world.look).drifted is False


def test_what_is_subscribed_no_more_needs_no_sync(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    (link,) = world.links
    for row in world.subscriptions(link):
        world.delete(f"/v1/subscriptions/{row['id']}", link.account)
    world.new_card(link.payer)
    assert synced(world) is Exit.OK
    assert states(world) == []


def test_one_account_that_refuses_everything_does_not_stop_the_others(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, accounts=3)
    synced(world)
    world.new_card(world.links[0].payer)
    barred = world.links[1]
    revoke(world.sandbox.world.accounts[barred.account])
    assert run_virtually(world.sync).exit is Exit.UNFINISHED
    assert states(world) == [State.SUCCEEDED] * 2
    found = run_virtually(world.look)
    assert [link.account for link in found.unread] == [barred.account]


# --- what goes wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [CLONE, ATTACH, UPDATE, MOVE, DETACH])
@pytest.mark.parametrize(
    "kind", [FaultKind.LOST_BEFORE, FaultKind.LOST_AFTER, FaultKind.STORED_500_DONE, FaultKind.STORED_500_UNDONE]
)
def test_a_lost_answer_is_asked_for_again_and_all_ends_in_step(tmp_path: Path, operation: str, kind: FaultKind) -> None:
    world = SyncWorld.make(tmp_path, own=True)
    synced(world)
    world.new_card(world.links[0].payer)
    world.world.script(kind, operation, nth=1, times=2)
    for _ in range(2):
        run_virtually(world.sync)
    assert states(world) == [State.SUCCEEDED]
    world.assert_in_step()


def test_an_unfinished_sync_goes_on_and_takes_up_what_is_newer(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, own=True)
    (link,) = world.links
    synced(world)
    world.new_card(link.payer)
    world.world.script(FaultKind.LOST_BEFORE, DETACH, times=99)
    run_virtually(world.sync)
    assert states(world) == [State.DETACHING]
    world.assert_works()
    world.sandbox.faults.clear()
    world.new_card(link.payer, "pm_card_amex")
    done = run_virtually(world.sync)
    assert (done.exit, len(done.continued)) == (Exit.OK, 1)
    (item,) = run_virtually(world.items)
    assert (item.state, item.attempt) == (State.SUCCEEDED, 2)
    world.assert_in_step()


def test_a_clone_that_never_came_is_followed_by_one_of_what_is_newer(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    (link,) = world.links
    synced(world)
    world.new_card(link.payer)
    world.world.script(FaultKind.LOST_BEFORE, CLONE, times=99)
    run_virtually(world.sync)
    assert states(world) == [State.CLONING]
    world.sandbox.faults.clear()
    world.new_card(link.payer, "pm_card_amex")
    world.sandbox.advance(60)
    assert synced(world) is Exit.OK
    (item,) = run_virtually(world.items)
    assert (item.state, item.attempt) == (State.SUCCEEDED, 2)
    world.assert_in_step()


def test_a_check_sends_reads_alone_and_leaves_the_cursor(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path)
    synced(world)
    world.new_card(world.links[0].payer)
    before = {name: world.sent(name) for name in (CLONE, ATTACH, UPDATE, MOVE, DETACH)}
    for _ in range(2):
        assert run_virtually(world.look).drifted
    assert before == {name: world.sent(name) for name in before}
    assert synced(world) is Exit.OK
    assert not run_virtually(world.look).drifted


def test_after_a_gap_that_events_do_not_reach_back_over_every_link_is_looked_at(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, ("pm_card_visa",) * 3)
    synced(world)
    world.sandbox.advance(3600)
    assert len(run_virtually(world.look).verdicts) == 0
    assert len(run_virtually(partial(world.look, everybody=True)).verdicts) == 3
    world.new_card(world.links[0].payer)
    world.sandbox.advance(31 * DAY)
    assert synced(world) is Exit.OK
    assert len(world.found[-1].verdicts) == 3
    world.assert_in_step()


def test_two_ledgers_leave_one_working_method_that_is_in_step(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, own=True)
    other = world.elsewhere(tmp_path / "second")
    for one in (world, other):
        synced(one)
    world.new_card(world.links[0].payer)
    world.world.script(FaultKind.LOST_BEFORE, DETACH, times=99)
    run_virtually(world.sync)
    world.sandbox.faults.clear()
    world.new_card(world.links[0].payer, "pm_card_amex")
    world.sandbox.advance(60)
    for one in (other, world, other):
        run_virtually(one.sync)
        world.assert_works()
    world.assert_in_step(alone=False)


def test_a_closed_sync_leaves_what_works(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, ("pm_card_visa", "pm_card_visa"))
    synced(world)
    for link in world.links:
        world.new_card(link.payer)
    world.world.script(FaultKind.LOST_BEFORE, MOVE, times=99)
    world.world.script(FaultKind.LOST_BEFORE, ATTACH, nth=2, times=99)
    run_virtually(world.sync)
    world.sandbox.faults.clear()
    run_virtually(world.close)
    assert sorted(states(world)) in ([State.FAILED, State.SUCCEEDED], [State.FAILED, State.PARKED])
    world.assert_works()
    assert synced(world) is Exit.OK
    world.assert_in_step()


def test_many_links_of_one_account_that_are_refused_do_not_stop_the_others(tmp_path: Path) -> None:
    world = SyncWorld.make(tmp_path, ("pm_card_visa",) * 30, accounts=2)
    synced(world)
    for link in world.links[:30]:
        world.new_card(link.payer)
    world.world.script(FaultKind.CANNED, ATTACH, times=60, status=400, body=REFUSAL)
    done = run_virtually(world.sync)
    assert (done.exit, done.result.ending.exit) == (Exit.DECLINES, Exit.OK)
    assert states(world).count(State.FAILED) == 30
    assert State.SUCCEEDED in states(world)
    assert synced(world) is Exit.OK
    world.assert_in_step()
