"""What a command asks of a run that goes on already: what is otherwise this time is named, and nothing else is."""

import pytest

from billing.flow.workers.asked import Asked


@pytest.mark.parametrize(
    ("now", "flags"),
    [
        (Asked(), ()),
        (Asked(until=9.0, began=3.0, per_account=2, detached=True), ()),
        (Asked(max_failures=1), ("--max-failures",)),
        (Asked(only=("INV-1",), deadline=20.0), ("--only", "--deadline")),
        (Asked(rows=(1, 2)), ("--limit",)),
    ],
)
def test_only_what_is_asked_for_otherwise_is_named(now, flags):
    assert now.unlike(Asked()) == flags


def test_a_limit_that_takes_other_rows_by_now_is_the_same_limit():
    assert Asked(rows=(1, 2)).unlike(Asked(rows=(3, 4))) == ()
