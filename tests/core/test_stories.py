"""The words of a story: every entry of every kind has some, in plain words, and none that claims what is not known."""

import re
from zoneinfo import ZoneInfo

import pytest

from billing.core.entries import ItemRecord, Note
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.reconciling.kinds import Kind as Difference
from billing.core.stories import answers, found, notes, todos
from billing.core.stories.folding import steps_of
from billing.core.stories.gaps import Scene, every_gap, gaps_of, ordinal
from billing.core.stories.story import Command
from billing.core.stories.tables import TELLINGS
from billing.core.stories.words import Words, filled, gaps_in, turn, when
from billing.core.tones import TONES, Tone
from billing.flow.outturn import ROWS

UTC = ZoneInfo("UTC")
INNER = re.compile(r"\b(item|attempt|intent|clone|lane|guard|generation)s?\b|429", re.IGNORECASE)
# Words of the program itself, which no support person has to know.
EVERY = [
    *((kind, name, words) for kind, telling in TELLINGS.items() for name, words in telling.events.items()),
    *((kind, event, words) for kind, telling in TELLINGS.items() for (_, event), words in telling.after.items()),
    *((Kind.CHARGE, note, words) for note, words in notes.NOTES.items()),
]


def an_item(kind: Kind, generation: int = 0) -> ItemRecord:
    money = (0, "") if kind in (Kind.PAYER, Kind.SYNC, Kind.CANCELLATION) else (5900, "usd")
    return ItemRecord(1, "i", "coaching-2026-11", kind, "INV-1", generation, "acct_1", "cus_1", *money, "", {},
                      LIVES[kind].planned)  # fmt: skip


def a_scene(kind: Kind, facts=None, attempt: int = 1, generation: int = 0) -> Scene:
    known = facts or {}
    return Scene(an_item(kind, generation), UTC, "2026-12-01T08:00:00.000Z", attempt, known, known)


def texts_of(words: Words) -> list[str]:
    return [*words.titles, *(each.text for each in words.says)]


@pytest.mark.parametrize("kind", Kind)
def test_every_event_of_a_kind_has_words_and_nothing_else_has(kind):
    life, telling = LIVES[kind], TELLINGS[kind]
    assert set(telling.events) == set(life.events)
    assert set(telling.after) <= set(life.edges), "words for what cannot happen"


def test_every_note_and_every_difference_has_words():
    assert set(notes.NOTES) == set(Note)
    assert set(found.FINDINGS) == set(Difference)


def test_every_row_of_an_outturn_has_an_answer_and_says_what_comes_next():
    assert set(answers.FIRST) == set(todos.NEXT) == set(ROWS)
    states = {state for life in LIVES.values() for state in life.states}
    assert set(answers.STATES) <= states


@pytest.mark.parametrize(("kind", "name", "words"), EVERY, ids=lambda each: str(each)[:40])
def test_whatever_an_entry_says_or_leaves_out_its_words_have_no_hole(kind, name, words):
    for attempt, generation in ((1, 0), (2, 1)):
        gaps = gaps_of(a_scene(kind, attempt=attempt, generation=generation))
        assert words.title(gaps)
        assert all("{" not in text for text in (words.title(gaps), *words.sentences(gaps)))
    known = set(every_gap(a_scene(kind)))
    assert {gap for text in texts_of(words) for gap in gaps_in(text)} <= known
    assert {each.mark for each in words.says if each.mark} <= known


@pytest.mark.parametrize(("kind", "name", "words"), EVERY, ids=lambda each: str(each)[:40])
def test_titles_are_no_sentences_and_sentences_are(kind, name, words):
    assert all(title[0] == "{" or title[0].isupper() for title in words.titles)
    assert not any(title.endswith(".") for title in words.titles)
    assert all(each.text.endswith((".", "}")) for each in words.says)
    assert words.tone in {"", "warn", *Tone}


def test_nobody_has_to_know_the_words_of_the_program():
    texts = [text for _, _, words in EVERY for text in texts_of(words)]
    texts += [text for words in found.FINDINGS.values() for text in texts_of(words)]
    texts += [text for titles in (*answers.FIRST.values(), *answers.STATES.values(), *answers.THEN.values())
              for text in titles]  # fmt: skip
    texts += [text for row in todos.NEXT.values() for text in (row.title, row.says)]
    texts += [text for pair in notes.LOST.values() for text in pair]
    texts += [*answers.SINCE.values(), *answers.END.values()]
    assert [text for text in texts if INNER.search(re.sub(r"{\w+}", "", text))] == []


def test_only_what_succeeded_begins_with_the_word_of_success():
    for kind in Kind:
        word = LIVES[kind].word(LIVES[kind].group(LIVES[kind].states("succeeded"))).capitalize()
        others = [text for row, each in answers.FIRST.items() if row != "paid" for text in each]
        others += [text for each in answers.STATES.values() for text in each]
        assert not any(text.startswith((word, "{Done}")) for text in others)


def test_a_lost_answer_is_told_as_no_answer_and_never_as_a_no():
    for title, says in notes.LOST.values():
        assert not re.search(r"declined|failed|not paid", f"{title} {says}", re.IGNORECASE)
    for kind, event in ((Kind.CHARGE, "charge_lost"), (Kind.SUBSCRIPTION, "pay_lost"), (Kind.REFUND, "refund_lost")):
        words = TELLINGS[kind].events[LIVES[kind].events(event)]
        gaps = gaps_of(a_scene(kind, {"lost": "lost", "last_try": "2026-12-01T07:58:40+00:00"}))
        assert words.title(gaps) == "No answer from Stripe"
        assert "within 1 min 20 s" in " ".join(words.sentences(gaps))
        assert words.tone == Tone.UNK


def test_a_decline_is_told_by_what_happened_and_not_by_what_would_help():
    facts = {"reason_code": "insufficient_funds", "reason": "may work after days", "remedy": "later",
             "next_try": "2026-12-02T08:00:00+00:00"}  # fmt: skip
    words = TELLINGS[Kind.CHARGE].events[LIVES[Kind.CHARGE].events("charge_declined")]
    gaps = gaps_of(a_scene(Kind.CHARGE, facts))
    assert words.title(gaps) == "Declined: not enough money, or a spending limit"
    assert words.sentences(gaps) == ("No money was taken.", "A further try was set for Wed 2 Dec 2026.")


def test_what_is_not_known_is_left_out_and_what_fills_a_gap_is_no_gap():
    words = turn(("Paid: {got}", "Paid"), "Always.", "Only with {why}.", when("mark", "Marked."))
    assert words.title({}) == "Paid"
    assert words.sentences({}) == ("Always.",)
    assert words.sentences({"why": "{got}", "mark": "yes"}) == ("Always.", "Only with {got}.", "Marked.")
    assert filled("{a}", {"a": "{b.__class__}"}) == "{b.__class__}"


def test_tries_are_counted_in_words():
    assert [ordinal(number) for number in (1, 2, 10, 11, 23)] == ["first", "second", "tenth", "11th", "23rd"]


def test_a_command_can_be_pasted_whatever_a_reference_holds():
    command = Command("explain", ("INV 1; rm -rf ~",), {"run": "a-2026-11", "dry_run": True})
    assert command.text == "billing explain 'INV 1; rm -rf ~' --run a-2026-11 --dry-run"


def test_every_tone_of_a_row_has_an_icon_of_the_pages():
    assert set(TONES) == set(ROWS)


def test_a_line_without_entries_has_no_steps():
    assert steps_of(an_item(Kind.CHARGE), (), UTC, {}) == []
