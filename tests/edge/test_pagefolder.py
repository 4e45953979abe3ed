"""A folder of pages is put in the place of an older one whole, and takes nothing away that billing has not written."""

import pytest

from billing.core.errors import RunStopped, UsageError
from billing.edge.pagefolder import PageFolder

PAGE = '<!doctype html><meta name="generator" content="connect-billing report">{}'


def pages(*names):
    return [(name, iter([PAGE.format(name)])) for name in names]


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_a_later_folder_has_its_own_pages_alone_and_nothing_is_left_beside_it(tmp_path):
    folder = PageFolder(tmp_path / "report-lines")
    folder.replace(pages("lines-001.html", "lines-002.html"))
    folder.replace(pages("lines-001.html", "references-001.html"))
    assert names(folder.path) == ["lines-001.html", "references-001.html"]
    assert names(tmp_path) == ["report-lines"]
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert (folder.path / "lines-001.html").stat().st_mode & 0o777 == 0o600
    folder.remove()
    assert names(tmp_path) == []


def test_what_breaks_while_pages_are_written_leaves_the_older_ones(tmp_path):
    folder = PageFolder(tmp_path / "report-lines")
    folder.replace(pages("lines-001.html"))

    def broken():
        yield PAGE
        raise RunStopped("the disk is full")

    with pytest.raises(RunStopped):
        folder.replace([*pages("lines-001.html", "lines-002.html"), ("lines-003.html", broken())])
    assert names(tmp_path) == ["report-lines"]
    assert names(folder.path) == ["lines-001.html"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("notes.txt", PAGE), ("lines-001.html", "<p>mine"), ("lines.html", PAGE), ("lines-001.html.bak", PAGE)],
)
def test_a_folder_with_any_other_file_is_refused_and_kept(tmp_path, name, text):
    folder = PageFolder(tmp_path / "report-lines")
    folder.path.mkdir()
    (folder.path / name).write_text(text)
    with pytest.raises(UsageError, match="is not from a report"):
        folder.replace(pages("lines-001.html"))
    folder.remove()
    assert (folder.path / name).read_text() == text


def test_neither_a_link_nor_a_file_is_taken_for_a_folder(tmp_path):
    other = tmp_path / "other"
    PageFolder(other).replace(pages("lines-001.html"))
    folder = PageFolder(tmp_path / "report-lines")
    folder.path.symlink_to(other)
    with pytest.raises(RunStopped, match="symbolic link"):
        folder.replace(pages("lines-001.html"))
    folder.remove()
    assert names(other) == ["lines-001.html"]
    folder.path.unlink()
    folder.path.write_text("mine")
    with pytest.raises(UsageError, match="is no folder"):
        folder.replace(pages("lines-001.html"))


def test_a_page_that_is_a_link_is_not_followed(tmp_path):
    folder, mine = PageFolder(tmp_path / "report-lines"), tmp_path / "mine.html"
    mine.write_text(PAGE)
    folder.path.mkdir()
    (folder.path / "lines-001.html").symlink_to(mine)
    with pytest.raises(UsageError, match="is not from a report"):
        folder.replace(pages("lines-001.html"))
    assert mine.exists()
