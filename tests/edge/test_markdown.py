"""Whatever a text holds, in Markdown it stays one text: held against two parsers, in a paragraph and in a table."""

import io
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console
from rich.markdown import Markdown

from billing.core.advice import STATUSES
from billing.core.skips import SKIPS
from billing.edge.logs import visible
from billing.edge.markdown import LONGEST, MOST_TICKS, NOTHING, block, code, prose, table
from tests.reporting import hostile

GFM = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
MEAN = (
    "a|b", "a\\|b", "a\\\\|b", "|", "\\", "\\|", "`", "``", "` `", "`a", "a`", "` a `", " a ", "  ", " ", "a``b`c",
    "|`|`|", "&lt;b&gt;", "<b>", "&#124;", "@here", "#1", "GH-1", "acme/app#7", "deadbeef1", ":smile:",
    "www.evil.example", "https://evil.example", "a@b.example", "![x](https://evil.example/x.png)", "[x](javascript:1)",
    "$`x`$", "~~x~~",
    "- [ ] x", "# x", "```", "~~~", "---", "<!-- x", "]]>", "*x*", "_x_", "1. x", "\r\n| x |", "\x00", "\u202e",
    "x\u2028y", "`" * MOST_TICKS, "`" * (MOST_TICKS + 1), "`" * 2000,
)  # fmt: skip
TEXTS = (*hostile.TEXTS, hostile.WITH_NUL, *MEAN)
some_text = st.text(st.one_of(st.sampled_from("`|\\ <>&@#:*_[]()!~$\n\r\t-."), st.characters()), max_size=40)


VOID = frozenset({"meta", "br"})
# Elements of our pages that have no end.


class Elements(HTMLParser):
    """The elements of a page, and the text in each."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.names: list[str] = []
        self.texts: list[str] = []
        self.open: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(len(self.names))
        self.names.append(tag)
        self.texts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.names[self.open.pop()] == tag

    def handle_data(self, data: str) -> None:
        for at in self.open:
            self.texts[at] += data

    @classmethod
    def of(cls, page: str) -> "Elements":
        """Read a page."""
        found = cls()
        found.feed(page)
        found.close()
        return found


def shown(text: str) -> str:
    """Return what a reader has to see of a text."""
    whole = visible(text)
    whole = whole if len(whole) <= LONGEST else whole[: LONGEST - 1] + "…"
    if whole and not whole.strip(" "):
        return whole.replace(" ", "\\x20")
    return whole.replace("`", "\\x60") if "`" * (MOST_TICKS + 1) in whole else whole


def assert_one_code(text: str, markdown: str, page: str, around: list[str]) -> None:
    """Hold that a page has one code element with the text, beside the elements around it."""
    found = Elements.of(page)
    if not text:
        assert (markdown, found.names) == (NOTHING, around)
        return
    assert sorted(found.names) == sorted([*around, "code"]), page
    assert found.texts[found.names.index("code")] == shown(text), page


def held(text: str) -> None:
    alone = code(text, cell=False)
    assert_one_code(text, alone, GFM.render(f"so {alone} it is"), ["p"])
    celled = code(text)
    page = GFM.render(table(["a", "b"], [["x", celled]]))
    assert_one_code(text, celled, page, ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"])


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_text_is_one_code_element_with_exactly_that_text(text):
    held(text)


@given(some_text)
@example("")
def test_any_text_is_one_code_element_with_exactly_that_text(text):
    held(text)


@given(st.lists(some_text, min_size=2, max_size=4))
def test_texts_beside_each_other_stay_apart(texts):
    page = Elements.of(GFM.render(table(["a"] * len(texts), [[code(text) for text in texts]])))
    cells = [each for name, each in zip(page.names, page.texts, strict=True) if name == "code"]
    assert cells == [shown(text) for text in texts if text]
    assert page.names.count("td") == len(texts)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_terminal_that_renders_it_shows_the_text_and_moves_no_cursor(text):
    screen = io.StringIO()
    Console(width=4000, file=screen).print(Markdown(code(text, cell=False)))
    told = screen.getvalue()
    assert " ".join(shown(text).split()) in " ".join(told.split()) or not text
    assert all(char.isprintable() or char == "\n" for char in told)


@given(some_text)
def test_a_sentence_is_itself_or_one_code_element(text):
    written = prose(text)
    found = Elements.of(GFM.render(f"so {written} it is"))
    if written == text and text:
        assert (found.names, found.texts) == (["p"], [f"so {text} it is"])
    else:
        assert_one_code(text, written.replace("\\|", "|"), GFM.render(f"so {prose(text, cell=False)} it is"), ["p"])


@pytest.mark.parametrize("text", MEAN)
def test_nothing_that_a_platform_reads_into_a_text_is_left_as_a_sentence(text):
    assert prose(text) == code(text)


def test_our_own_sentences_are_read_as_sentences():
    ours = [*STATUSES.values(), *(reason.means for reason in SKIPS.values()), *(r.what_to_do for r in SKIPS.values())]
    plain = [each for each in ours if each and prose(each) == each]
    assert len(plain) > 0.9 * len([each for each in ours if each])


@given(st.lists(some_text, max_size=4))
def test_no_line_of_a_block_ends_it(lines):
    page = Elements.of(GFM.render(block(lines)))
    assert page.names == ["pre", "code"]
    assert page.texts[1].splitlines() == [visible(line) for line in lines]
