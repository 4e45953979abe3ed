"""The words of a workbook that more than one of its sheets needs, so that its own checks find what they count."""

from billing.core.records import RunRecord
from billing.core.tones import TONES
from billing.edge.workbooks.cells import State
from billing.flow.reporting.kindwords import first_up, row_words

GONE = "No longer in the sheet"
# Begins the status of an item whose line was taken out of the sheet: it counts in no sum of those that are in it.
TITLES = {"status_word": "Status", "status": "Status code"}
# Heads that are not the CSV report's name with blanks: under "Status" stand the words that people read.


def title_of(name: str) -> str:
    """Return the head of a column that the CSV report has, too: ``stripe_fee`` is ``Stripe fee``."""
    return TITLES.get(name) or name.replace("_", " ").capitalize()


def word_of(row: str, record: RunRecord) -> str:
    """Return what a person reads for a row of the outturn, as a heading."""
    return first_up(row_words(record.kind, row))


def state_of(row: str, record: RunRecord, *, listed: bool = True) -> State:
    """Return the same as a cell, on its colour."""
    word = word_of(row, record)
    return State(word, TONES[row]) if listed else State(f"{GONE}: {word}", None)
