"""Search: customers by what they say, as they were a while ago (docs.stripe.com/search).

What was just written is not found yet, so a search never decides whether something exists.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.shelves import limit_of
from billing.sandbox.world import Call

TEXTS = ("email", "name", "phone")
CLAUSE = re.compile(
    r"""\s*(?P<no>-?)(?P<field>[a-z_]+)(\[(?P<quote>["'])(?P<key>.+?)(?P=quote)\])?\s*(?P<how>:|~|>=|<=|>|<)\s*"""
    r"""(?P<value>"(\\.|[^"\\])*"|'(\\.|[^'\\])*'|null|[0-9]+)\s*"""
)
JOIN = re.compile(r"(and|or)\s|(?=-?[a-z])", re.IGNORECASE)
NUMBERS: dict[str, Callable[[int, int], bool]] = {
    ":": lambda one, other: one == other, ">": lambda one, other: one > other, "<": lambda one, other: one < other,
    ">=": lambda one, other: one >= other, "<=": lambda one, other: one <= other,
}  # fmt: skip
SHORTEST = 3  # characters of a part of a text


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition of a query."""

    negated: bool
    field: str
    key: str | None
    how: str
    value: str | None

    def holds(self, row: Obj) -> bool:
        """Whether a customer meets it."""
        return self._holds(row) != self.negated

    def _holds(self, row: Obj) -> bool:
        if self.field == "created":
            return NUMBERS[self.how](row["created"], int(self.value or 0))
        found = row["metadata"].get(self.key) if self.field == "metadata" else row[self.field]
        if found is None or self.value is None:
            return found is None and self.value is None
        one, other = found.lower(), self.value.lower()
        return other in one if self.how == "~" else one == other


def customers(call: Call) -> Obj:
    """The customers that meet a query, newest first.

    Raises:
        Refusal: a query that cannot be read, or a page that is none.
    """
    clauses, either = _parsed(call.params["query"])
    limit, start = limit_of(call.params), _start(call.params.get("page"))
    meets = any if either else all
    as_of = call.world.now - call.world.behaviour.search_lag_seconds
    rows = [row for row in reversed(list(call.account["cus"].of(call.livemode))) if _indexed(call, row, as_of)]
    found = [row for row in rows if meets(each.holds(_indexed(call, row, as_of) or row) for each in clauses)]
    more = len(found) > start + limit
    return {
        "object": "search_result", "data": found[start : start + limit], "has_more": more,
        "next_page": urlsafe_b64encode(str(start + limit).encode()).decode() if more else None,
        "url": "/v1/customers/search",
    }  # fmt: skip


def note(call: Call, row: Obj, before: Obj | None) -> None:
    """A customer was written; ``before`` is what it was, none of a new one. Search learns of it later."""
    oldest = call.world.now - call.world.behaviour.search_lag_seconds
    changes = call.account.unindexed.setdefault(row["id"], [])
    changes[:] = [change for change in changes if change[0] > oldest]
    changes.append((call.world.now, before))


def _indexed(call: Call, row: Obj, as_of: float) -> Obj | None:
    """A customer as the index knows it, or none where it does not yet."""
    for at, before in call.account.unindexed.get(row["id"], ()):
        if at > as_of:
            return before
    return row


def _start(page: str | None) -> int:
    if page is None:
        return 0
    try:
        return int(urlsafe_b64decode(page.encode()))
    except ValueError:
        raise invalid(f"Invalid page: {page}", "page") from None


def _parsed(query: str) -> tuple[list[Clause], bool]:
    """The clauses of a query, and whether one of them is enough."""
    clauses, joins, at = [], set(), 0
    while at < len(query):
        found = CLAUSE.match(query, at)
        if found is None:
            raise _unreadable()
        clauses.append(_clause(found))
        at = found.end()
        joint = JOIN.match(query, at)
        if at < len(query) and joint is None:
            raise _unreadable()
        if joint is not None:
            joins.add((joint[1] or "and").lower())
            at = joint.end()
    if not clauses or len(joins) > 1:
        raise _unreadable()
    return clauses, joins == {"or"}


def _clause(found: re.Match[str]) -> Clause:
    field, how, value = found["field"], found["how"], found["value"]
    text = None if value == "null" else re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] in "\"'" else value
    known = field == "metadata" if found["key"] else field in (*TEXTS, "created")
    fits = how in NUMBERS and value.isdigit() if field == "created" else how in (":", "~") and not value.isdigit()
    if not known or not fits or (how == "~" and len(text or "") < SHORTEST):
        raise _unreadable()
    return Clause(bool(found["no"]), field, found["key"], how, text)


def _unreadable() -> Exception:
    return invalid("We were unable to parse your search query. See docs.stripe.com/search for its language.", "query")
