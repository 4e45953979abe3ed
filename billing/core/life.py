"""The life of an item, as a table. What is not in the table cannot happen.

Each kind of item brings one table of this shape (`billing.core.kinds`). Every set of states that the program asks
for is derived from it here, and the ledger enforces whichever table an item's kind names.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from billing.core.items import Kind


class Group(StrEnum):
    """How a report groups states; the keys of ``counts`` in the summary of a run, in its order."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    DECLINED = "declined"
    NEEDS_CUSTOMER = "needs_customer"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SKIPPED = "skipped"
    PENDING = "pending"
    PARKED = "parked"


class Phase(StrEnum):
    """Where in its life an item is, whatever its kind; what a command takes up and where it leaves it goes by this.

    ``waiting``: nothing is in flight, a run goes on. ``in flight, harmless``: a request may be in flight that counts
    for nothing yet. ``in flight, money``: the request that counts may be in flight. ``looking``: its answer was lost,
    the provider knows. ``parked``: the provider would not say; a person looks. ``settling``: accepted, the end comes in
    days. ``resting``: this attempt came to nothing, and the item is not over. ``closing``: the fence may be in flight.
    """

    WAITING = "waiting"
    PREPARING = "in flight, harmless"
    MONEY = "in flight, money"
    LOOKING = "looking"
    PARKED = "parked"
    SETTLING = "settling"
    RESTING = "resting"
    CLOSING = "closing"
    FINAL = "final"


class OnRecord(StrEnum):
    """What an edge asks of the provider object that fulfils the item: ``needs`` one after it, ``forbids`` one, any."""

    ANY = "any"
    NEEDS = "needs"
    FORBIDS = "forbids"

    def allows(self, object_id: str | None) -> bool:
        """Tell whether what is on record is what is asked."""
        return self is OnRecord.ANY or (self is OnRecord.NEEDS) == (object_id is not None)


class Scope(StrEnum):
    """In what an obligation of a kind is one and the same: in each period anew, or always, whenever it is asked for."""

    PERIOD = "period"
    ALWAYS = "always"

    def within(self, period: str) -> str:
        """Return what counts of a run's period where its obligations are named: all of it, or nothing."""
        return period if self is Scope.PERIOD else ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a state means.

    Attributes:
        means: in words.
        phase: where in an item's life it lies.
        group: how a report counts it, unless the item's facts say more.
        continues: what continuing a run does with an item found in it.
    """

    means: str
    phase: Phase
    group: Group
    continues: str


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition and the reason it is sound.

    Attributes:
        to: the state it leads to.
        reason: why it may happen.
        sighting: whoever reads the provider's object may report it, at any attempt.
        attempt: it opens the next attempt, whose instrument begins empty.
        object: whether the provider object must, or must not, be on record after it.
    """

    to: StrEnum
    reason: str
    sighting: bool = False
    attempt: bool = False
    object: OnRecord = OnRecord.ANY


GROUP_WORDS: Mapping[Group, str] = {
    Group.SUCCEEDED: "done",
    Group.PROCESSING: "on its way",
    Group.DECLINED: "declined",
    Group.NEEDS_CUSTOMER: "customer must act",
    Group.UNKNOWN: "no answer yet",
    Group.FAILED: "not done, closed",
    Group.SKIPPED: "left out",
    Group.PENDING: "not yet",
    Group.PARKED: "look in Stripe",
}
# What a person reads for each group, unless a kind has a word of its own.

_MOVING = (Phase.WAITING, Phase.PREPARING, Phase.MONEY, Phase.LOOKING, Phase.CLOSING)


class ImpossibleTransition(Exception):
    """The program tried what the table does not know: a broken promise, never an operating error."""


Edges = Mapping[tuple[StrEnum, StrEnum], Edge]


@dataclass(frozen=True, slots=True)
class Life:
    """One kind's table of states, and what follows from it.

    Every life has the states ``planned`` and ``skipped`` and the event ``item_skipped`` between them.

    Attributes:
        kind: whose life it is.
        states: all states, an enumeration in the order of the documentation.
        events: what can happen, in the past tense.
        edges: (state, event) to edge.
        meanings: of every state.
        reopens: the final states after which the next generation of an obligation may be opened.
        takes_back: events by which the provider undoes what had succeeded: the only exits of final states.
        words: what the kind calls the groups, where it has words of its own: "paid" for succeeded.
        scope: in what an obligation is one and the same.
        recurs: whether the same payers pay the same accounts again in the next period, so that a run is compared with
            the one before it.
        noun: what several of its items are called, unless that is its name with an s: "charges".
        verb: what is done, unless that is its name: "charge".
        awaits: what is so of items that are on their way, as a person reads it.
        planned, skipped, skip: the states and the event that every life has.
        final: states without an exit, but for what the provider takes back.
        taken_back: the final states that those exits lead to.
        touched: requests have left for an item in them, and it is not yet where it should rest.
        holding: states in which an item may have a provider object on record.
    """

    kind: Kind
    states: type[StrEnum]
    events: type[StrEnum]
    edges: Edges
    meanings: Mapping[StrEnum, Meaning]
    reopens: frozenset[StrEnum]
    words: Mapping[Group, str]
    takes_back: frozenset[StrEnum] = frozenset()
    scope: Scope = Scope.PERIOD
    recurs: bool = False
    noun: str = ""
    verb: str = ""
    awaits: str = "the bank answers within days; follow it every day"
    planned: StrEnum = field(init=False)
    skipped: StrEnum = field(init=False)
    skip: StrEnum = field(init=False)
    final: frozenset[StrEnum] = field(init=False)
    taken_back: frozenset[StrEnum] = field(init=False)
    touched: frozenset[StrEnum] = field(init=False)
    holding: frozenset[StrEnum] = field(init=False)
    _phases: Mapping[Phase, frozenset[StrEnum]] = field(init=False)

    def __post_init__(self) -> None:
        """Derive what follows from the table."""
        phases = {
            phase: frozenset(state for state in self.states if self.meanings[state].phase is phase) for phase in Phase
        }
        derived = {
            "verb": self.verb or str(self.kind),
            "noun": self.noun or f"{self.kind}s",
            "planned": self.states("planned"),
            "skipped": self.states("skipped"),
            "skip": self.events("item_skipped"),
            "final": phases[Phase.FINAL],
            "taken_back": frozenset(edge.to for (_, event), edge in self.edges.items() if event in self.takes_back),
            "touched": frozenset().union(*(phases[phase] for phase in _MOVING)) - {self.states("planned")},
            "holding": frozenset(state for (state, _), edge in self.edges.items() if edge.sighting),
            "_phases": phases,
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        """Return the kind's name."""
        return str(self.kind)

    def within(self, *phases: Phase) -> frozenset[StrEnum]:
        """Return the states of these phases."""
        return frozenset().union(*(self._phases[phase] for phase in phases))

    def without(self, *phases: Phase) -> frozenset[StrEnum]:
        """Return the states of all other phases."""
        return frozenset(self.states) - self.within(*phases)

    def phase(self, state: StrEnum) -> Phase:
        """Return where in an item's life a state lies."""
        return self.meanings[state].phase

    def advance(self, state: StrEnum, event: StrEnum) -> Edge:
        """Return the edge that ``event`` takes.

        Raises:
            ImpossibleTransition: the table has no such row.
        """
        edge = self.edges.get((state, event))
        if edge is None:
            raise ImpossibleTransition(f"{self.kind}: {event} in state {state}")
        return edge

    def is_sighting(self, state: StrEnum, event: StrEnum) -> bool:
        """Tell whether ``event`` merely reports what was seen on the object, so that no attempt need be named."""
        edge = self.edges.get((state, event))
        return edge is not None and edge.sighting

    def group(self, state: StrEnum, noted: str = "") -> Group:
        """Return the report's group.

        Args:
            state: of the item.
            noted: the item's fact ``group``: which declines need the customer, what was closed because nobody wants
                it, what an answer contradicts.
        """
        meaning = self.meanings[state]
        for rule, group in _NOTED:
            if noted == group and meaning.group in rule:
                return _BECOMES.get((meaning.group, group), group)
        if meaning.phase is not Phase.FINAL and noted == Group.PARKED:
            return Group.PARKED  # an answer contradicts the item: it waits for a person, wherever that met it
        return meaning.group

    def word(self, group: Group) -> str:
        """Return what a person reads for a group."""
        return self.words.get(group, GROUP_WORDS[group])

    def table_as_markdown(self) -> str:
        """Return the table of states as the documentation shows it."""
        rows = ["| state | means | phase | continuing a run |", "|---|---|---|---|"]
        meanings = ((state, self.meanings[state]) for state in self.states)
        return "\n".join([*rows, *(f"| {state} | {m.means} | {m.phase} | {m.continues} |" for state, m in meanings)])

    def diagram(self) -> str:
        """Return the transitions as a Mermaid state diagram; sightings are left out, a note tells of them."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.planned}"]
        steps = ((at, edge) for at, edge in self.edges.items() if not edge.sighting)
        lines += [f"    {state} --> {edge.to}: {event}" for (state, event), edge in steps]
        lines += [f"    {state} --> [*]" for state in self.states if state in self.final]
        return "\n".join(lines)


_NOTED: tuple[tuple[frozenset[Group], Group], ...] = (
    (frozenset({Group.DECLINED, Group.FAILED}), Group.DECLINED),
    (frozenset({Group.DECLINED, Group.FAILED}), Group.NEEDS_CUSTOMER),
    (frozenset({Group.DECLINED}), Group.FAILED),
    (frozenset({Group.DECLINED, Group.FAILED}), Group.SKIPPED),  # closed because nobody wants it any more
    (frozenset({Group.PROCESSING}), Group.PENDING),  # on its way as soon as something is put right
)
# Which note changes the group of which states.
_BECOMES = {(Group.DECLINED, Group.FAILED): Group.PENDING}
# Refused, and the fence is still to come: "failed" would promise too much.


def sightings(states: Iterable[StrEnum], event: StrEnum, to: StrEnum, reason: str) -> Edges:
    """Return the rows of an event that whoever reads the object may report, in every state that has one on record."""
    return {(state, event): Edge(to, reason, sighting=True, object=OnRecord.NEEDS) for state in states}
