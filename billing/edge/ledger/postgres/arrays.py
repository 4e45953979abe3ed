"""Columns as array literals of PostgreSQL: many rows in one statement, at a fraction of what each value alone costs."""

from collections.abc import Callable, Iterable, Sequence

from billing.core.entries import BrokenPromise

HOLDS_NUL = "a text holds a NUL character, which PostgreSQL cannot keep"
_SPLIT = "\x00"
# No text of the database holds it.


def numbers(values: Iterable[object]) -> str:
    """Return whole numbers that are there."""
    return f"{{{','.join(map(str, values))}}}"


def numbers_or_none(values: Iterable[object]) -> str:
    """Return whole numbers, some of which are None."""
    return f"{{{','.join(['NULL' if value is None else str(value) for value in values])}}}"


def texts(values: Sequence[object]) -> str:
    """Return texts that are there.

    Raises:
        BrokenPromise: one of them holds a NUL, which no text of the database can.
    """
    joined = _SPLIT.join(map(str, values))
    if joined.count(_SPLIT) != max(len(values) - 1, 0):
        raise BrokenPromise(HOLDS_NUL)
    if not values:
        return "{}"
    return '{"' + _escaped(joined).replace(_SPLIT, '","') + '"}'


def texts_or_none(values: Sequence[object]) -> str:
    """Return texts, some of which are None.

    Raises:
        BrokenPromise: one of them holds a NUL, which no text of the database can.
    """
    if None not in values:
        return texts(values)
    parts = ["NULL" if value is None else f'"{_escaped(str(value))}"' for value in values]
    if any(_SPLIT in part for part in parts):
        raise BrokenPromise(HOLDS_NUL)
    return f"{{{','.join(parts)}}}"


def bytes_(values: Sequence[bytes]) -> str:
    """Return strings of bytes that are there."""
    return '{"\\\\x' + '","\\\\x'.join([value.hex() for value in values]) + '"}' if values else "{}"


def columns(rows: Sequence[Sequence[object]], kinds: Sequence[Callable[..., str]]) -> list[str]:
    """Return the columns of ``rows``, each as its kind writes it."""
    turned: Iterable[Sequence[object]] = zip(*rows, strict=True) if rows else [()] * len(kinds)
    return [kind(column) for kind, column in zip(kinds, turned, strict=True)]


def _escaped(text: str) -> str:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    return text.replace('"', '\\"')
