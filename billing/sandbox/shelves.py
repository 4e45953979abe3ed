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
        self._places: dict[str, int] = {}
        self._stubs: dict[str, Obj] = {}

    def __iter__(self) -> Iterator[Obj]:
        """Oldest first, without deleted ones."""
        return (row for row in self._rows if row["id"] not in self._stubs)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows) - len(self._stubs)

    def add(self, row: Obj) -> Obj:
        """Keep a new object."""
        self._places[row["id"]] = len(self._rows)
        self._rows.append(row)
        return row

    def remove(self, row: Obj) -> Obj:
        """Take an object away for good; what is shown in its place."""
        stub = {"id": row["id"], "object": row["object"], "deleted": True}
        return self._stubs.setdefault(row["id"], stub)

    def peek(self, wanted: str) -> Obj | None:
        """The object of this id, of either mode, or none."""
        place = self._places.get(wanted)
        return None if place is None or wanted in self._stubs else self._rows[place]

    def shown(self, wanted: str) -> Obj | None:
        """The object of this id, or what is shown where one was deleted."""
        return self._stubs.get(wanted) or self.peek(wanted)

    def find(self, wanted: str, livemode: bool, param: str = "id", status: int = 404) -> Obj:
        """The object of this id in this mode.

        Raises:
            Refusal: there is none (404 ``resource_missing``, or the status that fits where the id stood).
        """
        row = self.peek(wanted)
        if row is None or row.get("livemode", livemode) != livemode:
            raise missing(self.kind, wanted, param, status)
        return row

    def page(self, params: Obj, url: str, livemode: bool, keep: Callable[[Obj], bool] = everything) -> Obj:
        """One page, newest first, as the list endpoints give it.

        Raises:
            Refusal: a limit outside 1 to 100, both cursors, or a cursor that names no object.
        """
        limit = _limit(params)
        after, before = params.get("starting_after"), params.get("ending_before")
        if after is not None and before is not None:
            raise invalid("You cannot use both `starting_after` and `ending_before`.", "starting_after")
        fits = _window(params.get("created"))
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
            if fits(row["created"]) and row.get("livemode", livemode) == livemode and keep(row):
                found.append(row)
                if len(found) > limit:
                    break
        rows = found[:limit]
        if before is not None:
            rows.reverse()
        return {"object": "list", "data": rows, "has_more": len(found) > limit, "url": url}

    def _place(self, cursor: str, param: str) -> int:
        if cursor not in self._places:
            raise missing(self.kind, cursor, param, status=400)
        return self._places[cursor]


def _limit(params: Obj) -> int:
    limit: int = params.get("limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        bound = "greater than or equal to 1" if limit < 1 else f"less than or equal to {PAGE_MAX}"
        raise invalid(f"This value must be {bound}.", "limit", "parameter_invalid_integer")
    return limit


def _window(created: Any) -> Callable[[int], bool]:  # noqa: ANN401  absent, a second, or a mapping of bounds
    if created is None:
        return lambda _: True
    if not isinstance(created, dict):
        return lambda at: at == created
    low = max(created.get("gte", 0), created.get("gt", -1) + 1)
    high = min(created.get("lte", 1 << 62), created.get("lt", 1 << 62) - 1)
    return lambda at: low <= at <= high
