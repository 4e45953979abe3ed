"""A ledger is never begun anew unawares: where one was, where one moved from, and beside others of the same key."""

import shutil
from pathlib import Path

import pytest
from ledger_tools import a_run, lines, opened, planned

from billing.core.errors import LedgerDamaged, LedgerError, LedgerMissing, UsageError
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.ledger.custody.location import check_file_system
from billing.edge.ledger.sqlite import opening


@pytest.fixture
def key(tmp_path) -> Path:
    """One key for every ledger of a test."""
    return tmp_path / "keys" / "ledger.key"


@pytest.fixture
async def home(tmp_path, key) -> Path:
    """A folder whose ledger knows one run."""
    folder = tmp_path / "home"
    folder.mkdir()
    ledger = await opened(folder, key_file=key)
    await planned(ledger)
    await ledger.aclose()
    return folder


@pytest.fixture
def away(tmp_path) -> Path:
    folder = tmp_path / "away"
    folder.mkdir()
    return folder


async def moved(home: Path, to: Path, key: Path) -> None:
    """Move the ledger and use it where it lies now."""
    shutil.move(home / "ledger.db", to / "ledger.db")
    await (await opened(to, key_file=key)).aclose()


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("making", [Making.FIRST, Making.NEW, Making.NEVER])
async def test_a_place_that_a_ledger_has_left_is_no_free_ground(home, away, key, write, making):
    await moved(home, away, key)
    with pytest.raises(LedgerDamaged, match=f"lies at {away / 'ledger.db'} now") as error:
        await opened(home, key_file=key, write=write, making=making)
    assert f"--ledger sqlite:///{away / 'ledger.db'}" in str(error.value)
    assert not (home / "ledger.db").exists()


async def test_a_ledger_that_has_gone_from_its_new_place_too_is_gone(home, away, key):
    await moved(home, away, key)
    (away / "ledger.db").unlink()
    for folder in (home, away):
        with pytest.raises(LedgerDamaged, match="was here and is gone"):
            await opened(folder, key_file=key)


async def test_another_ledger_where_one_has_moved_to_is_not_taken_for_it(home, away, key):
    await moved(home, away, key)
    (away / "ledger.db").unlink()
    ledger = await opened(away, key_file=key, making=Making.ANEW)
    await planned(ledger)
    await ledger.aclose()
    with pytest.raises(LedgerDamaged, match="was here and is gone"):
        await opened(home, key_file=key)


async def test_a_ledger_that_moved_away_is_no_predecessor_of_the_one_that_lies_there_now(home, away, key):
    await moved(home, away, key)
    for _ in range(2):
        ledger = await opened(home, key_file=key, making=Making.ANEW)
        await planned(ledger) if not ledger.runs() else None
        await ledger.aclose()
    assert [warning for warning in ledger.warnings if "delete" in warning] == []


async def test_a_ledger_that_comes_back_is_at_home_again(home, away, key):
    await moved(home, away, key)
    await moved(away, home, key)
    with pytest.raises(LedgerDamaged, match=f"lies at {home / 'ledger.db'} now"):
        await opened(away, key_file=key)


async def test_a_ledger_that_is_made_says_so_and_names_the_others_of_its_key_with_their_runs(home, away, key):
    ledger = await opened(home, key_file=key)
    assert ledger.made is None
    await ledger.plan_run(a_run("coaching-2026-12", "2026-12"), lines(1, period="2026-12"))
    await ledger.aclose()
    ledger = await opened(away, key_file=key)
    assert ledger.path == away / "ledger.db"
    assert ledger.made.others == (f"{home / 'ledger.db'} (coaching-2026-12, coaching-2026-11)",)
    await ledger.aclose()
    again = await opened(away, key_file=key)
    assert again.made is None
    await again.aclose()


async def test_a_ledger_that_cannot_be_read_any_more_is_named_all_the_same(home, away, key):
    shutil.rmtree(home)
    ledger = await opened(away, key_file=key)
    (other,) = ledger.made.others
    assert str(home) in other
    assert "not there any more" in other
    await ledger.aclose()


async def test_in_live_mode_a_ledger_beside_others_is_made_only_when_asked_for(home, away, key):
    with pytest.raises(UsageError, match="--new-ledger") as error:
        await opened(away, key_file=key, live=True)
    assert "coaching-2026-11" in str(error.value)
    assert [path.name for path in away.iterdir()] == ["ledger.db.lock"]
    ledger = await opened(away, key_file=key, live=True, making=Making.NEW)
    assert ledger.made.others
    await ledger.aclose()
    await (await opened(away, key_file=key, live=True)).aclose()


async def test_the_first_ledger_of_a_key_is_made_in_live_mode_without_a_word(tmp_path, key):
    ledger = await opened(tmp_path, key_file=key, live=True)
    assert ledger.made.others == ()
    await ledger.aclose()


async def test_an_empty_ledger_of_the_same_key_is_none_to_ask_about(tmp_path, away, key):
    await (await opened(tmp_path, key_file=key)).aclose()
    ledger = await opened(away, key_file=key, live=True)
    assert ledger.made.others == ()
    await ledger.aclose()


async def test_a_command_that_has_nothing_to_do_without_a_ledger_makes_none(tmp_path):
    with pytest.raises(LedgerMissing):
        await opened(tmp_path, making=Making.NEVER)
    assert list(tmp_path.iterdir()) == []


LAYER = "22 1 254:0 / / rw - ext4 /dev/vda rw\n35 22 0:45 / /layer rw - overlay overlay rw\n"


def test_a_containers_own_layer_is_refused_in_live_mode():
    assert check_file_system(Path("/layer/l.db"), LAYER)
    with pytest.raises(LedgerError, match="lost with it"):
        check_file_system(Path("/layer/l.db"), LAYER, live=True)
    assert check_file_system(Path("/srv/l.db"), LAYER, live=True) == []


async def test_a_ledger_in_a_containers_own_layer_can_still_be_read(home, key, monkeypatch):
    monkeypatch.setattr(opening, "mounts", lambda: LAYER.replace("/layer", str(home)))
    with pytest.raises(LedgerError, match="lost with it"):
        await opened(home, key_file=key, live=True)
    reader = await opened(home, key_file=key, live=True, write=False)
    assert len(reader.runs()) == 1
    await reader.aclose()
