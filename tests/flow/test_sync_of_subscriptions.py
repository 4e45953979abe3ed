"""What a run has subscribed is kept in step: by the ledger's own record of it, against the sandbox."""

from pathlib import Path

from billing.core.entries import Note
from billing.core.exits import Exit
from billing.core.items import Kind, Mode
from billing.core.kinds import LIVES
from billing.sandbox import issuer
from billing.sandbox.issuer import NewCard
from tests.flow.subscribe_world import SubscribeWorld
from tests.flow.sync_world import DAY, SyncWorld
from tests.virtual import run_virtually

WHO = {
    "name": "Wilhelmina Canary",
    "email": "canary@example.com",
    "phone": "+1 555 0100",
    "address[city]": "Canaryville",
}


def subscribed(folder: Path, *, lines: int = 3, accounts: int = 2) -> tuple[SubscribeWorld, SyncWorld]:
    """Subscribe payers, each with a name and an address, and let a sync find them in step."""
    bench = SubscribeWorld.make(folder, ("pm_card_visa",) * lines, accounts=accounts)
    for row in bench.rows:
        bench.post(f"/v1/customers/{row['customer']}", **WHO)
    run_virtually(bench.subscribe_all)
    bench.sandbox.advance(DAY)
    world = run_virtually(SyncWorld.of_ledger, bench.world)
    assert len(world.links) == lines
    return bench, world


def subscriptions(world: SyncWorld):
    async def items():
        async with world.world.read() as ledger:
            platform = world.sandbox.world.platform.id
            states = LIVES[Kind.SUBSCRIPTION].states
            notes = [entry for entry in ledger.entries() if entry.name == Note.METHOD_MOVED]
            return list(ledger.of_kind(platform, Mode.TEST, Kind.SUBSCRIPTION, states)), notes

    return run_virtually(items)


def test_what_was_just_subscribed_is_in_step_with_all_its_fields(tmp_path: Path) -> None:
    _, world = subscribed(tmp_path)
    found = run_virtually(world.look)
    assert (found.links, len(found.verdicts), found.drifted) == (3, 3, False)
    assert run_virtually(world.sync).exit is Exit.OK
    world.assert_in_step()


def test_a_changed_card_pays_the_next_renewal_once_and_the_subscription_says_which_copy_does(tmp_path: Path) -> None:
    _, world = subscribed(tmp_path)
    run_virtually(world.sync)
    link = world.links[0]
    old = {item.object_id: item.facts["clone"] for item in subscriptions(world)[0]}
    issuer.replace(world.sandbox.world, world.default_of(link.payer)["id"], NewCard(12, 2035, "4444"))
    assert run_virtually(world.sync).exit is Exit.OK
    world.assert_in_step()
    items, notes = subscriptions(world)
    moved = [item for item in items if item.facts["clone"] != old[item.object_id]]
    assert [item.payer for item in moved] == [link.payer]
    assert [note.facts["clone"] for note in notes] == [copy["id"] for copy in world.attached(link)]
    world.sandbox.advance(40 * DAY)
    for each in world.links:
        (subscription,) = world.subscriptions(each)
        invoices = world.get("/v1/invoices", each.account, subscription=subscription["id"])["data"]
        assert (subscription["status"], [invoice["status"] for invoice in invoices]) == ("active", ["paid"] * 2)
    run_virtually(world.whole)
    assert run_virtually(world.look).drifted is False


def test_two_lines_of_one_link_are_moved_by_one_sync(tmp_path: Path) -> None:
    bench = SubscribeWorld.make(tmp_path, accounts=1)
    bench.line(bench.rows[0]["customer"])
    run_virtually(bench.subscribe_all)
    bench.sandbox.advance(DAY)
    world = run_virtually(SyncWorld.of_ledger, bench.world)
    (link,) = world.links
    world.new_card(link.payer)
    run_virtually(world.sync)
    world.assert_in_step()
    assert len(run_virtually(world.items)) == 1
    items, notes = subscriptions(world)
    assert len(notes) == 2
    assert len({item.facts["clone"] for item in items}) == 1


def test_a_line_with_a_method_of_its_own_keeps_it(tmp_path: Path) -> None:
    bench = SubscribeWorld.make(tmp_path, accounts=1)
    payer = bench.rows[0]["customer"]
    other = bench.post("/v1/payment_methods/pm_card_amex/attach", customer=payer)["id"]
    bench.line(payer, payment_method=other)
    run_virtually(bench.subscribe_all)
    bench.sandbox.advance(DAY)
    world = run_virtually(SyncWorld.of_ledger, bench.world)
    (link,) = world.links
    own = {row["id"]: row["default_payment_method"] for row in world.subscriptions(link)}
    assert len(set(own.values())) == 2
    assert run_virtually(world.look).drifted is False
    world.new_card(payer)
    assert run_virtually(world.sync).exit is Exit.OK
    assert {row["id"]: row["default_payment_method"] for row in world.subscriptions(link)} == own
    attached = {copy["id"] for copy in world.attached(link)}
    default = world.customer(link)["invoice_settings"]["default_payment_method"]
    assert attached == {default, *own.values()} - {None}
    assert run_virtually(world.look).drifted is False


def test_a_sync_writes_no_name_and_no_address(tmp_path: Path) -> None:
    bench, world = subscribed(tmp_path)
    run_virtually(world.sync)
    for link in world.links:
        world.post(f"/v1/customers/{link.payer}", name="Canary Other", **{"address[line1]": "Canary Lane 1"})
    assert run_virtually(world.sync).exit is Exit.OK
    world.assert_in_step()
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"canary" not in (written + str(bench.world.events).encode()).lower()


def test_what_was_ended_needs_no_sync(tmp_path: Path) -> None:
    _, world = subscribed(tmp_path, lines=2, accounts=1)
    run_virtually(world.sync)
    ended, kept = world.links
    for row in world.subscriptions(ended):
        world.delete(f"/v1/subscriptions/{row['id']}", ended.account)
    for link in world.links:
        world.new_card(link.payer)
    run_virtually(world.sync)
    assert [item.payer for item in run_virtually(world.items)] == [kept.payer]
    assert run_virtually(world.look).drifted is False
