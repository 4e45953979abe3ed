"""Log events as data, on stderr: JSON or console lines, without secrets and without control characters."""

import asyncio
import json
import sys
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, TextIO

import orjson

from billing.core.redaction import scrub

Event = MutableMapping[str, Any]
Log = Callable[..., None]

LEVELS = ("debug", "info", "warning", "error")
LEVEL_OF = {
    "request": "debug",
    "item_step": "debug",
    "notify_failed": "warning",
    "variable_ignored": "warning",
    "ledger_warning": "warning",
    "ledger_made": "warning",
    "test_answer_refused": "warning",
    "renewals_not_listed": "warning",
}
# Everything else a flow tells of is information; an error ends the process with a message of its own.

_encode: Callable[[Event], str] = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode
_UNCHANGED = frozenset({int, bool, float, type(None)})
_scrub = lru_cache(maxsize=1024)(scrub)
# The names of facts, events, states, runs and accounts come again with every item.


class _Lines:
    """Gives a stream the lines of one turn of the event loop in one write, and without a loop each line at once.

    A write lets the ledger's thread have the interpreter, and the loop has to wait for it: a write for every line cost
    a sixth of a charge (`tests.bench.cost`).
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def msg(self, line: str) -> None:
        """Take one line."""
        self._lines.append(line)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.write_out()
            return
        if loop is not self._loop:
            self._loop = loop
            _PENDING[self] = None
            loop.call_soon(self.write_out)

    debug = info = warning = error = msg

    def write_out(self) -> None:
        """Write what was taken."""
        self._loop = None
        _PENDING.pop(self, None)
        lines = self._lines[:]
        del self._lines[: len(lines)]  # what another thread adds meanwhile stays for the next time
        try:
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()
        except (OSError, ValueError):
            return  # whoever read the log is gone, or its disk is full: the run is worth more than its log


_PENDING: dict[_Lines, None] = {}
# Logs that hold lines until the event loop's next turn, the first to be written first.


def flush_logs() -> None:
    """Write what waits for the loop's next turn: whoever is about to hold the loop up must be heard before."""
    for lines in list(_PENDING):
        lines.write_out()


def open_log(level: str = "warning", log_format: str = "console", stream: TextIO | None = None) -> Log:
    """Return ``log(event, **facts)``; what is below the level costs almost nothing.

    Args:
        level: the least that is written: one of `LEVELS`. A fact ``level`` overrides the event's own.
        log_format: ``json`` writes one object a line, ``console`` a line for a person.
        stream: stderr unless given.
    """
    import structlog

    as_json = structlog.processors.JSONRenderer(serializer=_json_line)
    logger = structlog.wrap_logger(
        _Lines(stream or sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redacted,
            as_json if log_format == "json" else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    write = {name: getattr(logger, name) for name in LEVELS[LEVELS.index(level) :]}

    def log(event: str, **facts: object) -> None:
        name = str(facts.pop("level", LEVEL_OF.get(event, "info")))
        if name not in write:
            return
        write[name](event, level=name, **facts)

    log.levels = frozenset(write)  # type: ignore[attr-defined]  # read by `enabled_for`
    return log


def enabled_for(log: Log, event: str) -> bool:
    """Tell whether a log writes an event of this name, so that nobody gathers facts for none; if unknown, it does."""
    return LEVEL_OF.get(event, "info") in getattr(log, "levels", LEVELS)


def _redacted(_logger: object, _method: str, event: Event) -> Event:
    at = event.pop("timestamp")
    told = {
        _scrub(name): fact if (cls := type(fact)) in _UNCHANGED else _scrub(fact) if cls is str else _clean(fact)
        for name, fact in event.items()
    }
    return {"timestamp": at, "level": told.pop("level"), "event": told.pop("event"), **told}


def _clean(value: Any) -> Any:  # noqa: ANN401  a fact is any JSON value
    """Take secrets out of every text, however deep it sits."""
    match value:
        case str():
            return _scrub(value)
        case dict():
            return {_clean(name): _clean(each) for name, each in value.items()}
        case list() | tuple():
            return [_clean(each) for each in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return scrub(str(value))


def visible(text: str) -> str:
    """Return the text on one line with control, bidirectional and other invisible characters escaped."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _json_line(event: Event, **_: object) -> str:
    """Write an event for a machine: pure ASCII, so that no text in it can move a cursor or turn a line around."""
    with suppress(orjson.JSONEncodeError):  # half a surrogate pair, or a number of more than 64 bits
        line = orjson.dumps(event)
        if line.isascii() and b"\x7f" not in line:
            return line.decode("ascii")
    return _encode(event)


def _line(_logger: object, _method: str, event: Event) -> str:
    """Write an event for a person: time, level, name, facts."""
    at, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "event"))
    facts = " ".join(f"{key}={_fact(value)}" for key, value in event.items() if value not in ("", None))
    return visible(f"{at[11:19]} {level:<7} {name:<20} {facts}".rstrip())


def _fact(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return repr(text) if " " in text else text
