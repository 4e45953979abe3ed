"""One sync after another, against the sandbox: every default current, nothing dead, whatever goes wrong."""

from functools import partial
from pathlib import Path

import pytest

from billing.core.exits import Exit
from billing.core.kinds.sync import State
from tests.flow.sync_world import DETACH, MOVE, SyncWorld
from tests.virtual import run_virtually


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
