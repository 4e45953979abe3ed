"""What a person or a program sees: answers on stdout, everything else on stderr."""

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

from billing.core.errors import UsageError


def answer(text: str | Iterable[str]) -> None:
    """Write to stdout. When whoever read it is gone, go on quietly: what was done keeps its exit code."""
    try:
        sys.stdout.writelines([text] if isinstance(text, str) else text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Otherwise the interpreter tries to flush once more at exit, and complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def answer_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Write one JSON value on stdout."""
    answer(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """Write a line on stderr."""
    with suppress(BrokenPipeError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def is_terminal(stream: TextIO) -> bool:
    """Whether a person sits there."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def ask(question: str, expected: str, missing_flag: str) -> bool:
    """Ask on the terminal and tell whether the answer was ``expected``.

    Raises:
        UsageError: nobody is there to answer; the message names the flag that answers instead.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(f"there is no terminal to ask on; nothing was sent (add {missing_flag})")
    sys.stderr.write(question)
    sys.stderr.flush()
    return _plain(sys.stdin.readline()) == _plain(expected)


def _plain(text: str) -> str:
    """Blanks, separators and capitals are nobody's mistake: ``usd 1234.50`` answers ``USD 1,234.50``."""
    return "".join(text.split()).replace(",", "").casefold()
