"""What a state of several workers is made of: the rows, the sessions at the database, the queue, and a process."""

from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from tests.model import parts
from tests.model.book import Book
from tests.model.rules import Rules as OfItem

T = TypeVar("T")
IDS = "AB"
WAITING, DONE = "waiting", "done"
# Where the shard stands in the engine; a worker's id in their place: it is pending with that one.
RUNNING, PAUSING, STOPPED, FINISHED = "running", "pausing", "stopped", "finished"
SLOTS = 3
# Sessions at one time: two processes, and one that nobody holds any more.


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        items: of the shard.
        whole: an item begins as planned; else with its intent on record, ready to be confirmed.
        item: what may happen to one.
        ids: worker ids; with one, both processes are started under it.
        locks: a worker id is held by an advisory lock; without it, nothing but rows keeps two apart.
        cuts: connections break, backends are ended, and what was being committed is then unknown.
        ghosts: a session may outlive its process for a while, its last commit with it.
        kills: processes die at any moment.
        freezes: one process at a time may stop anywhere, keep its connection, and wake at any later time or never.
        early: a worker that is well may be called dead: its heart was only late.
        pauses: an operator may pause the run and continue it, so many times.
    """

    items: int = 1
    whole: bool = False
    item: OfItem = field(default_factory=lambda: PLAIN)
    ids: int = 2
    locks: bool = True
    cuts: bool = True
    ghosts: bool = True
    kills: bool = True
    freezes: bool = True
    early: bool = True
    pauses: int = 0

    @property
    def runners(self) -> int:
        """How many processes there are."""
        return 2

    def __str__(self) -> str:
        """Return what differs from the defaults, and always the number of items."""
        plain = Rules()
        changed = {name: getattr(self, name) for name in self.__slots__ if name not in ("items", "item")}
        texts = [
            (name if value is True else f"no {name}" if value is False else f"{name}={value}")
            for name, value in changed.items()
            if value != getattr(plain, name)
        ]
        of_item = str(self.item).partition(", ")[2]
        return ", ".join([f"{self.items} item" + "s" * (self.items > 1), *texts, *([of_item] if of_item else [])])


PLAIN = OfItem(attempts=1, losses=False, declines=False, refusals=False, kills=False, operator=False)
# Deaths are the process's, not the item's.


class Session(NamedTuple):
    """A connection as the database sees it, with what has been written since by others.

    Attributes:
        who: the worker id that it locks.
        at: ``open``; ``ghost``: the process is gone, or has given the connection up, and the database does not know;
            ``cut``: the backend is gone, and the process does not know.
        moved: for each item, whether another wrote its row since this one saw it.
        overtaken: another has appended to this worker's chain since it read its end.
        pending: the item and what is being committed, if a commit is under way that nobody waits for.
        outlived: what its process holds was read through an earlier connection.
    """

    who: str
    at: str = "open"
    moved: tuple[bool, ...] = ()
    overtaken: bool = False
    pending: tuple[int, parts.Runner] | None = None
    outlived: bool = False


Sessions = tuple[Session | None, ...]


class World(NamedTuple):
    """What everybody shares.

    Attributes:
        items: each with its row, its intents, and its requests on their way.
        shard: ``waiting``, the id of the worker that it is pending with, or ``done``.
        sessions: by number; a process knows its own.
        run: its status.
        frozen: the id of the worker that is frozen, if one is.
        pauses: how many the operator has left.
        broken: a law that was broken in passing.
    """

    items: tuple[parts.World, ...]
    shard: str = WAITING
    sessions: Sessions = (None,) * SLOTS
    run: str = RUNNING
    frozen: str = ""
    pauses: int = 0
    broken: str = ""


class Process(NamedTuple):
    """A process between two steps.

    Attributes:
        at: ``off``; ``up``: it has a connection and no shard; ``busy``: it carries the shard out; ``lost``: it has
            learned that its connection is gone.
        who: its worker id.
        session: its number.
        frozen: it does not move.
        hands: for each item of the shard, where it stands; ``seen`` is the row as it remembers it.
    """

    at: str = "off"
    who: str = ""
    session: int = 0
    frozen: bool = False
    hands: tuple[parts.Runner, ...] = ()


class Step(NamedTuple):
    """One step, as ``parts.Step``."""

    says: str
    world: World
    runner: Process = Process()
    wrote: bool = False
    fault: bool = False


OFF = Process()


def idle(seen: Book) -> parts.Runner:
    """Return what a process holds of an item that it does nothing with at the moment."""
    return parts.Runner(seen=seen)


def put(values: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    """Return the values with one of them replaced."""
    return (*values[:at], value, *values[at + 1 :])
