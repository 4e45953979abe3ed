"""Objects of one kind on one account, in the order they were made, with the provider's way of listing them."""

from collections.abc import Callable, Iterator
from typing import Any

from billing.sandbox.refusals import Obj, invalid, missing

PAGE_DEFAULT = 10
PAGE_MAX = 100  # docs.stripe.com/api/pagination


def everything(_: Obj) -> bool:
    """The filter that keeps all."""
    return True


class Shelf:
    """The objects of one kind on one account.

    Attributes:
        kind: how an error names them.
    """

    def __init__(self, kind: str) -> None:
        """An empty shelf."""
        self.kind = kind
        self._rows: list[Obj] = []
        self._forgotten = 0
        self._places: dict[str, int] = {}
        self._stubs: dict[str, Obj | None] = {}
        self._modes: dict[str, bool | None] = {}

    def __iter__(self) -> Iterator[Obj]:
        """Oldest first, without deleted ones."""
        return (row for row in self._rows if row["id"] not in self._stubs)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows) - len(self._stubs)

    def of(self, livemode: bool) -> Iterator[Obj]:
        """The objects of one mode, oldest first."""
        return (row for row in self if self._modes[row["id"]] == livemode)

    def is_of(self, row: Obj, livemode: bool) -> bool:
        """Whether an object is still there, and of this mode."""
        return self._modes[row["id"]] == livemode and row["id"] not in self._stubs

    def add(self, row: Obj, livemode: bool | None = None) -> Obj:
        """Keep a new object; ``livemode`` of one that does not say it itself, none of one that has no mode."""
        self._modes[row["id"]] = row.get("livemode", livemode)
        self._places[row["id"]] = self._forgotten + len(self._rows)
        self._rows.append(row)
        return row

    def remove(self, row: Obj) -> Obj:
        """Take an object away for good; what is shown in its place."""
        stub: Obj = {"id": row["id"], "object": row["object"], "deleted": True}
        self._stubs.setdefault(row["id"], stub)
        return stub

    def lose(self, wanted: str) -> None:
        """Let an object vanish as if it had never been; as a cursor its id stays good."""
        self._stubs[wanted] = None

    def forget(self, old: Callable[[Obj], bool]) -> None:
        """Drop the oldest objects as long as they are ``old``, as if they had never been."""
        count = next((n for n, row in enumerate(self._rows) if not old(row)), len(self._rows))
        for row in self._rows[:count]:
            for known in (self._places, self._modes, self._stubs):
                known.pop(row["id"], None)
        del self._rows[:count]
        self._forgotten += count

    def peek(self, wanted: str) -> Obj | None:
        """The object of this id, of either mode, or none."""
        place = self._places.get(wanted)
        return None if place is None or wanted in self._stubs else self._rows[place - self._forgotten]

    def shown(self, wanted: str) -> Obj | None:
        """The object of this id, or what is shown where one was deleted."""
        return self._stubs.get(wanted) or self.peek(wanted)

    def find(self, wanted: str, livemode: bool, param: str = "id", status: int = 404) -> Obj:
        """The object of this id in this mode.

        Raises:
            Refusal: there is none (404 ``resource_missing``, or the status that fits where the id stood).
        """
        row = self.peek(wanted)
        if row is None or self._modes[wanted] not in (None, livemode):
            raise missing(self.kind, wanted, param, status)
        return row

    def page(self, params: Obj, url: str, livemode: bool, keep: Callable[[Obj], bool] = everything) -> Obj:
        """One page, newest first, as the list endpoints give it.

        Raises:
            Refusal: a limit outside 1 to 100, both cursors, or a cursor that names no object.
        """
        limit = limit_of(params)
        after, before = params.get("starting_after"), params.get("ending_before")
        if after is not None and before is not None:
            message = "Received both starting_after and ending_before parameters. Please pass in only one."
            raise invalid(message, "starting_after")
        in_time = fits(params.get("created"))
        if before is None:
            start = len(self._rows) if after is None else self._place(after, "starting_after")
            indices = range(start - 1, -1, -1)
        else:
            indices = range(self._place(before, "ending_before") + 1, len(self._rows))
        found: list[Obj] = []
        for index in indices:
            row = self._rows[index]
            if row["id"] in self._stubs:
                continue
            if in_time(row["created"]) and self._modes[row["id"]] in (None, livemode) and keep(row):
                found.append(row)
                if len(found) > limit:
                    break
        rows = found[:limit]
        if before is not None:
            rows.reverse()
        return list_of(rows, url, has_more=len(found) > limit)

    def _place(self, cursor: str, param: str) -> int:
        if cursor not in self._places:
            raise missing(self.kind, cursor, param, status=400)
        return self._places[cursor] - self._forgotten


def list_of(rows: list[Obj], url: str, *, has_more: bool = False) -> Obj:
    """A list as the provider wraps it."""
    return {"object": "list", "data": rows, "has_more": has_more, "url": url}


def limit_of(params: Obj) -> int:
    """How many objects a page may hold.

    Raises:
        Refusal: outside 1 to 100.
    """
    limit: int = params.get("limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {PAGE_MAX}"
        raise invalid(f"This value must be {bound}.", "limit", "parameter_invalid_integer")
    return limit


def fits(created: Any) -> Callable[[int], bool]:  # noqa: ANN401  absent, a second, or a mapping of bounds
    """Whether a moment lies in the window that a list asks for."""
    if created is None:
        return lambda _: True
    if not isinstance(created, dict):
        return lambda at: at == created
    low = max(created.get("gte", 0), created.get("gt", -1) + 1)
    high = min(created.get("lte", 1 << 62), created.get("lt", 1 << 62) - 1)
    return lambda at: low <= at <= high
