"""What a person or a program sees: answers on stdout, everything else on stderr."""

import json
import select
import signal
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from billing.core.errors import Interrupted, UsageError
from billing.edge.streams import lost


def write_out(text: str | Iterable[str]) -> None:
    """Write to stdout. When whoever read it is gone, go on quietly: what was done keeps its exit code."""
    for part in [text] if isinstance(text, str) else text:
        sys.stdout.write(part)
        if lost(sys.stdout):  # nobody needs the rest of a long report
            return
    sys.stdout.flush()


def write_json(value: Any) -> None:  # noqa: ANN401  any JSON value
    """Write one JSON value on stdout."""
    write_out(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


class Drawn:
    """What is drawn in place on stderr; a line that must stay takes its place first."""

    clear: Callable[[], None] | None = None


def write_err(text: str) -> None:
    """Write a line on stderr; where logs are JSON it is an event."""
    if _told("said", text):
        return
    if Drawn.clear is not None:
        Drawn.clear()
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _told(event: str, text: str) -> bool:
    """Log a line for a person as an event, where everything on stderr is one; tell whether it was."""
    from billing.cli.session import ErrorStyle

    if ErrorStyle.json_log:
        from billing.edge.logs import open_log

        open_log("info", "json")(event, message=text)
    return ErrorStyle.json_log


def is_terminal(stream: TextIO) -> bool:
    """Whether a person sits there."""
    try:
        return stream.isatty()
    except ValueError:
        return False


TURN_SECONDS = 0.1
# Between two looks at whether a signal came while a line is waited for.


def prompt(question: str, expected: str | tuple[str, ...], missing_flag: str) -> bool:
    """Ask on the terminal and tell whether the answer was ``expected``, or one of these.

    Raises:
        UsageError: nobody is there to answer; the message names the flag that answers instead.
        Interrupted: the answer was Ctrl-C.
    """
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise UsageError(f"there is no terminal to ask on; nothing was sent (add {missing_flag})")
    wanted = (expected,) if isinstance(expected, str) else expected
    return _plain(_typed(question)) in map(_plain, wanted)


def _pose(question: str) -> None:
    """Write a question, or its event where the log is all that is read; the loop has no turn before the answer."""
    from billing.edge.logs import flush_logs

    asked = _told("question", question)
    flush_logs()
    if not asked:
        if Drawn.clear is not None:
            Drawn.clear()
        sys.stderr.write(question)
        sys.stderr.flush()


def _typed(question: str) -> str:
    """Ask and wait for a line.

    An event loop hears of Ctrl-C only when it has its turn again, which a line that is waited for does not let it have:
    meanwhile the signal is ours, from before the question can be seen.

    Raises:
        Interrupted: Ctrl-C came first.
    """
    heard: list[int] = []
    # Only noted: an exception in the middle of a write would leave the question in its buffer, to be shown once more.
    before = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        _pose(question)
        # The signal may reach another thread than the one that reads, which would then go on waiting.
        while not heard:
            if select.select([sys.stdin], [], [], TURN_SECONDS)[0]:
                return sys.stdin.readline()
        sys.stderr.write("\n")  # the prompt of the shell begins a line of its own
        raise Interrupted("interrupted at the question; nothing was sent")
    finally:
        signal.signal(signal.SIGINT, before)


def _plain(text: str) -> str:
    """Blanks, separators and capitals are nobody's mistake: ``usd 1234.50`` answers ``USD 1,234.50``."""
    return "".join(text.split()).replace(",", "").casefold()
