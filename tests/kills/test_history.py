"""A history of workers in which a promise is broken is told from a sound one, whatever the workers say."""

from dataclasses import replace

import pytest

from tests.kills.history import LAWS, Call, Fence, History, Told, Write

NAMES = ("item_planned", "prepare_started", "prepared", "confirm_started", "charge_succeeded")


def sound() -> History:
    """One item: planned alone, prepared by A, which died; confirmed by B."""
    at = (1.0, 2.0, 3.0, 6.0, 8.0)
    who = ("", "A", "A", "B", "B")
    writes = [
        Write(seq, "R1", ver, name, worker, durable)
        for seq, (ver, name, worker, durable) in enumerate(zip(range(5), NAMES, who, at, strict=True), 10)
    ]
    told = [Told("A", "R1", ("prepare_started",), 2.1), Told("A", "R1", ("prepared",), 3.0)]
    told.append(Told("B", "R1", ("confirm_started",), 6.2))
    calls = [
        Call("A", "payment_intents.create", "R1", 2.5),
        Call("A", "payment_methods.create", "R1", 2.5),
        Call("B", "payment_intents.confirm", "R1", 7.0),
    ]
    return History(writes, told, calls, [Fence("A", 5.0, 9.0)])


def named(history: History) -> set[str]:
    """Return the promises that a history breaks."""
    return {said.partition(":")[0] for said in history.broken()}


def without(history: History, ver: int) -> History:
    """Take an entry away."""
    return replace(history, writes=[write for write in history.writes if write.ver != ver])


def changed(history: History, ver: int, **facts: object) -> History:
    """Change an entry."""
    return replace(history, writes=[replace(one, **facts) if one.ver == ver else one for one in history.writes])


def test_a_history_without_a_fault_is_sound():
    assert sound().broken() == []
    assert History().broken() == []


def test_requests_that_move_no_money_may_be_sent_again_by_whoever_goes_on():
    history = sound()
    history.calls.append(Call("B", "payment_methods.create", "R1", 5.5))
    assert history.broken() == []


BAD = {
    "a version is missing": (without(sound(), 2), {"one story", "kept"}),
    "a version is there twice": (
        replace(sound(), writes=[*sound().writes, Write(20, "R1", 3, "confirm_started", "C", 6.5)]),
        {"one story"},
    ),
    "what the table forbids": (changed(sound(), 2, name="charge_succeeded"), {"one story", "kept"}),
    "a version before the one that it follows": (changed(sound(), 3, durable=2.9), {"one story"}),
    "an acknowledged write is lost": (
        replace(sound(), told=[*sound().told, Told("B", "R1", ("charge_lost",), 7.5)]),
        {"kept"},
    ),
    "one write is acknowledged twice": (
        replace(sound(), told=[*sound().told, Told("B", "R1", ("confirm_started",), 7.5)]),
        {"kept"},
    ),
    "acknowledged before it was durable": (changed(sound(), 3, durable=6.9), {"kept"}),
    "a confirm before its entry": (
        replace(sound(), calls=[Call("B", "payment_intents.confirm", "R1", 5.9)]),
        {"write-ahead"},
    ),
    "a confirm on the entry of another worker": (
        replace(sound(), calls=[Call("A", "payment_intents.confirm", "R1", 7.0)]),
        {"write-ahead"},
    ),
    "two confirms for one entry": (
        replace(sound(), calls=[Call("B", "payment_intents.confirm", "R1", at) for at in (7.0, 7.1)]),
        {"write-ahead"},
    ),
    "an open without any entry": (
        replace(sound(), calls=[Call("A", "payment_intents.create", "R1", 1.5)]),
        {"write-ahead"},
    ),
    "a dead worker writes": (replace(sound(), fences=[Fence("B", 5.0)]), {"fenced"}),
    "a chain out of order": (
        replace(sound(), writes=[*sound().writes, Write(30, "R2", 0, "item_planned", "A", 2.5)]),
        {"own chain"},
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_promise_is_named(name):
    history, promises = BAD[name]
    assert named(history) == promises


def test_every_promise_is_broken_by_one_of_them():
    assert set().union(*(promises for _, promises in BAD.values())) == set(LAWS)
