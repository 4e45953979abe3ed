"""Whether an answer has the shape that Stripe publishes for its kind; see ``make_shapes.py`` for where that stands."""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from billing.sandbox.public import FIELDS
from billing.sandbox.world import API_VERSION

Check = Callable[[Any, str], str | None]
PUBLISHED = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
assert PUBLISHED["api_version"] == API_VERSION  # remade for every version the sandbox moves to
TYPES, OBJECTS = PUBLISHED["types"], PUBLISHED["objects"]
ERROR, CODES = "PaymentIntent.LastPaymentError", "PaymentIntent.LastPaymentError.Code"
BESIDE = {  # of an error, beside what an intent keeps of its last one
    "payment_intent": "&PaymentIntent", "setup_intent": "&SetupIntent", "request_log_url": "str",
}  # fmt: skip
LATER_CODES = {  # named by Stripe's changelog or seen in its answers; not in the list of the declarations
    "more_permissions_required", "payment_method_types_no_longer_supported", "api_key_expired",
    "subscription_payment_intent_requires_action",
}  # fmt: skip
SHOWN_TO_BROWSERS = {"PaymentIntent": FIELDS["payment_intent"], "SetupIntent": FIELDS["setup_intent"]}
PLAIN = {"str": str, "num": (int, float), "bool": bool, "list": dict, "obj": dict}


def complaint(status: int, body: Any) -> str | None:
    """What is wrong with an answer of this status, with its place, or nothing."""
    if status == 200 and body.get("object") == "search_result":
        found = {name: value for name, value in body.items() if name != "next_page"} | {"object": "list"}
        return _list(found, "") if "next_page" in body else "search_result: lacks next_page"
    if status == 200:
        return _list(body, "") if body.get("object") == "list" else _object(body, "")
    return _error(body["error"])


def _kind(body: Any) -> str:
    return f"&{'Deleted' if body.get('deleted') else ''}{OBJECTS.get(body.get('object'), 'no such object')}"


def _object(body: Any, place: str) -> str | None:
    """An object of the kind it says it is; an event tells of another one, which has a kind too."""
    found = _check_of(_kind(body))(body, place)
    if found is None and body["object"] == "event":
        return _object(body["data"]["object"], f"{place}.data.object")
    return found


def _error(error: Any) -> str | None:
    code = error.get("code")
    if code is not None and code not in LATER_CODES and f"={code}" not in _words(CODES):
        return f"error.code: {code!r} is none of Stripe's"
    known = {name: value for name, value in error.items() if name not in BESIDE and name != "code"}
    found = _check_of(f"&{ERROR}")(known, "error")
    for name, type_ in BESIDE.items():
        found = found or (_check_of(type_)(error[name], f"error.{name}") if name in error else None)
    return found


@lru_cache(maxsize=1)
def _words(name: str) -> frozenset[str]:
    return frozenset(TYPES[name].split("|"))


@lru_cache(maxsize=4096)
def _check_of(type_: str) -> Check:
    """The check of one type expression, compiled once."""
    if type_ == "any":
        return lambda _value, _place: None
    if type_ == "list":
        return _list
    if type_.startswith("[") and type_.endswith("]") and "|[" not in type_:
        return _each(_check_of(type_[1:-1]))
    if "|" in type_:
        return _union(type_)
    if type_.startswith("&"):
        boiled = TYPES.get(type_[1:])
        return _check_of(boiled) if isinstance(boiled, str) else _fields(type_[1:], boiled)
    return _plain(type_)


def _plain(type_: str) -> Check:
    if type_ == "null":
        return lambda value, place: None if value is None else f"{place}: {value!r} is not null"
    if type_.startswith("="):
        return lambda value, place: None if value == type_[1:] else f"{place}: {value!r} is not {type_[1:]!r}"
    kinds, numeric = PLAIN[type_], type_ == "num"

    def check(value: Any, place: str) -> str | None:
        fits = isinstance(value, kinds) and not (numeric and isinstance(value, bool))
        return None if fits else f"{place}: {value!r} is no {type_}"

    return check


def _union(type_: str) -> Check:
    parts = _split(type_)
    words = {part[1:] for part in parts if part.startswith("=")}
    nullable, text = "null" in parts, "str" in parts
    lists = [_check_of(part) for part in parts if part.startswith("[")]
    others = [_check_of(part) for part in parts if part[0] not in "=[" and part not in ("null", "str")]

    def check(value: Any, place: str) -> str | None:
        if (value is None and nullable) or (isinstance(value, str) and (text or value in words)):
            return None
        candidates = lists if isinstance(value, list) else others
        found = f"{place}: {value!r} is not {type_[:60]}"
        for candidate in candidates:
            found = candidate(value, place) or ""
            if not found:
                return None
        return found

    return check


def _split(type_: str) -> list[str]:
    """The parts of a union; a list keeps its own."""
    parts, depth = [""], 0
    for letter in type_:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _each(inner: Check) -> Check:
    def check(value: Any, place: str) -> str | None:
        if not isinstance(value, list):
            return f"{place}: {value!r} is no list"
        return next((found for n, each in enumerate(value) if (found := inner(each, f"{place}[{n}]"))), None)

    return check


def _list(value: Any, place: str) -> str | None:
    """A page of objects, each of the kind it says it is."""
    if not isinstance(value, dict) or set(value) - {"total_count"} != {"object", "data", "has_more", "url"}:
        return f"{place}: {value!r} is no list object"
    for n, row in enumerate(value["data"]):
        if found := _object(row, f"{place}.data[{n}]"):
            return found
    return None


def _is_for_browsers(name: str, value: Any) -> bool:
    """Whether this is the part of an intent that a publishable key gets, by whoever knows the secret."""
    return "client_secret" in value and value.keys() <= SHOWN_TO_BROWSERS.get(name, frozenset())


def _fields(name: str, fields: dict[str, str] | None) -> Check:
    if fields is None:
        return lambda _value, place: f"{place}: no such object is published"
    if "*" in fields:
        inner = fields["*"]
        return lambda value, place: next(
            (found for key, each in value.items() if (found := _check_of(inner)(each, f"{place}.{key}"))), None
        )
    known = {field.removesuffix("?"): type_ for field, type_ in fields.items()}
    needed = {field for field in fields if not field.endswith("?")}

    def check(value: Any, place: str) -> str | None:
        if not isinstance(value, dict):
            return f"{place}: {value!r} is no {name}"
        if (missing := needed - value.keys()) and not _is_for_browsers(name, value):
            return f"{place}: {name} lacks {', '.join(sorted(missing))}"
        for field, each in value.items():
            if field not in known:
                return f"{place}.{field}: {name} has no such field"
            if found := _check_of(known[field])(each, f"{place}.{field}"):
                return found
        return None

    return check
