"""Log events as data, on stderr: JSON or console lines, without secrets and without control characters."""

import json
import sys
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any, TextIO

from billing.core.redaction import scrub

Event = MutableMapping[str, Any]
Log = Callable[..., None]

LEVELS = ("debug", "info", "warning", "error")
LEVEL_OF = {"request": "debug", "notify_failed": "warning", "variable_ignored": "warning", "ledger_warning": "warning"}
# Everything else a flow tells of is information; an error ends the process with a message of its own.

_encode: Callable[[Event], str] = json.JSONEncoder(ensure_ascii=True, check_circular=False).encode
_scrub = lru_cache(maxsize=1024)(scrub)
# The names of facts, events, states, runs and accounts come again with every item.


def open_log(level: str = "warning", log_format: str = "console", stream: TextIO | None = None) -> Log:
    """Return ``log(event, **facts)``; each event is one write, and what is below the level costs almost nothing.

    Args:
        level: the least that is written: one of `LEVELS`. A fact ``level`` overrides the event's own.
        log_format: ``json`` writes one object a line, ``console`` a line for a person.
        stream: stderr unless given.
    """
    import structlog

    as_json = structlog.processors.JSONRenderer(serializer=_json_line)
    logger = structlog.wrap_logger(
        structlog.WriteLogger(stream or sys.stderr),
        processors=[
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redacted,
            as_json if log_format == "json" else _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    write = {kind: getattr(logger, kind) for kind in LEVELS[LEVELS.index(level) :]}

    def log(event: str, **facts: object) -> None:
        kind = str(facts.pop("level", LEVEL_OF.get(event, "info")))
        if kind not in write:
            return
        try:
            write[kind](event, level=kind, **facts)
        except (BrokenPipeError, ValueError):
            return  # whoever read stderr is gone; the run is worth more than its log

    return log


def _redacted(_logger: object, _method: str, event: Event) -> Event:
    told = {_scrub(name): _scrub(fact) if type(fact) is str else _clean(fact) for name, fact in event.items()}
    return {"timestamp": told.pop("timestamp"), "level": told.pop("level"), "event": told.pop("event"), **told}


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
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def _json_line(event: Event, **_: object) -> str:
    return _encode(event)


def _line(_logger: object, _method: str, event: Event) -> str:
    """Write an event for a person: time, level, name, facts."""
    at, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "event"))
    facts = " ".join(f"{key}={_fact(value)}" for key, value in event.items() if value not in ("", None))
    return visible(f"{at[11:19]} {level:<7} {name:<20} {facts}".rstrip())


def _fact(value: object) -> str:
    text = str(value)
    return repr(text) if " " in text else text
