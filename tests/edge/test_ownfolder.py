"""A folder that is kept in step: what billing wrote is replaced and removed, what anybody else wrote never is."""

import os
from pathlib import Path

import pytest

from billing.core.errors import RunStopped, UsageError
from billing.edge.ownfolder import LIST, OwnFolder


def written(path: Path, *names: str) -> int:
    folder = OwnFolder(path)
    folder.begin(names)
    for name in names:
        folder.write(name, [name])
    return folder.finish()


def seen(path: Path) -> dict[str, str]:
    return {each.name: each.read_text() for each in path.iterdir() if each.name != LIST}


def test_only_its_owner_may_look_into_it(tmp_path):
    (tmp_path / "out").mkdir(mode=0o755)
    written(tmp_path / "out", "a.csv")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "out").iterdir()} == {0o600}


def test_what_an_earlier_writing_left_is_removed_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    written(out, "a.csv", "b.csv", "index.html")
    (out / "notes.csv").write_text("mine")
    (out / "deep").mkdir()
    (out / "deep" / "a.csv").write_text("mine")
    assert written(out, "b.csv", "index.html") == 1
    (out / "deep" / "a.csv").unlink()
    (out / "deep").rmdir()
    assert seen(out) == {"b.csv": "b.csv", "index.html": "index.html", "notes.csv": "mine"}


def test_files_of_others_are_never_written_over(tmp_path):
    out = tmp_path / "out"
    written(out, "a.csv", "index.html")
    (out / "b.csv").write_text("mine")
    with pytest.raises(UsageError, match=r"b\.csv is there"):
        written(out, "a.csv", "b.csv", "index.html")
    assert seen(out) == {"a.csv": "a.csv", "index.html": "index.html", "b.csv": "mine"}


@pytest.mark.parametrize("there", ["file", "foreign", "link", "dangling"])
def test_a_place_that_is_not_ours_is_refused_before_anything_is_written(tmp_path, there):
    out, other = tmp_path / "out", tmp_path / "other"
    if there == "file":
        out.write_text("mine")
    elif there == "foreign":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    else:
        if there == "link":
            other.mkdir()
        out.symlink_to(other)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises((UsageError, RunStopped)):
        OwnFolder(out).check()
    with pytest.raises((UsageError, RunStopped)):
        written(out, "a.csv")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_symbolic_link_in_the_place_of_a_file_is_not_followed(tmp_path):
    out, other = tmp_path / "out", tmp_path / "other.csv"
    written(out, "a.csv", "b.csv")
    other.write_text("mine")
    (out / "a.csv").unlink()
    (out / "a.csv").symlink_to(other)
    with pytest.raises(RunStopped, match="symbolic link"):
        written(out, "a.csv", "b.csv")
    written(out, "b.csv")
    assert other.read_text() == "mine"
    assert (out / "a.csv").is_symlink()


def test_a_list_that_names_other_places_or_kinds_of_files_is_not_believed(tmp_path):
    out = tmp_path / "out"
    written(out, "a.csv")
    for name in ("billing.db", "ledger.key"):
        (out / name).write_text("mine")
    (tmp_path / "x.csv").write_text("mine")
    with (out / LIST).open("a") as file:
        file.write("../x.csv\nbilling.db\nledger.key\n/etc/passwd\n\n")
    assert written(out, "b.csv") == 1
    assert (tmp_path / "x.csv").read_text() == "mine"
    assert seen(out) == {"b.csv": "b.csv", "billing.db": "mine", "ledger.key": "mine"}


@pytest.mark.parametrize("after", range(4))
def test_whoever_is_killed_in_between_leaves_no_half_file_and_the_next_writing_finds_everything(tmp_path, after):
    out = tmp_path / "out"
    written(out, "old.csv", "index.html")
    folder, names = OwnFolder(out), ("a.csv", "b.csv", "index.html")
    folder.begin(names)
    for name in names[:after]:
        folder.write(name, [name])
    (out / f".b.csv.{'0' * 12}").write_text("ha")  # as SIGKILL leaves it
    (out / ".b.csv.mine").write_text("mine")
    assert (out / "index.html").exists() is (after == 3)
    again = OwnFolder(out)
    again.check()
    assert again.interrupted
    written(out, "b.csv", "index.html")
    assert seen(out) == {"b.csv": "b.csv", "index.html": "index.html", ".b.csv.mine": "mine"}
    whole = OwnFolder(out)
    whole.check()
    assert not whole.interrupted


def test_a_name_that_leads_elsewhere_is_a_broken_promise(tmp_path):
    for name in ("../a.csv", "a/b.csv", ".a.csv", "a", "", os.devnull):
        with pytest.raises(ValueError, match="no name"):
            OwnFolder(tmp_path / "out").begin([name])
    assert not (tmp_path / "out").exists()


def test_a_name_that_no_disk_takes_is_said_so(tmp_path: Path):
    with pytest.raises(UsageError, match="cannot be looked at: File name too long"):
        OwnFolder(tmp_path / ("a" * 300)).check()
