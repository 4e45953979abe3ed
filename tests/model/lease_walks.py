"""Walk several workers on one ledger, and what it must come to: ``python -m tests.model.lease_walks [--deep]``.

An exhaustive model of two worker processes that share one run, after the one of a charge (``tests.model``), from which
it has the explorer, the life of an item and Stripe. Driven, not copied: the table of states and the rule by which a
late sighting is taken (``core.kinds.charge``, ``core.entries.apply``, ``edge.ledger.drafts``), the meaning of every
answer (``core.classify``). Copied by hand, and to be kept in step: how a worker begins, claims, flushes, loses its
connection, puts back what a dead one left, and notes the end of a run (``flow.workers``, ``edge.engines``,
``edge.ledger``).

Modelled
    Two processes under two worker ids, or both under one; a shard of one item with all of a charge's life, or of one or
    two that are ready to be confirmed; each loaded when claimed, and carried on from memory. Processes are killed
    between any two steps, or frozen, and wake at any later time or never, with the memory and the connection of before;
    backends are ended; connections break in the middle of a commit, which is then durable, or lost, or lands later,
    when its process is long gone; a session outlives its process. A worker is called dead that is dead, or frozen, or
    only slow. Requests arrive at any later time, also after another worker has taken the shard. Keys are as in the
    model of a charge: known to nobody, so that every arrival executes. The operator pauses and resumes.

Abstracted, each towards more behaviour
    *Versions.* "The row is as I saw it" is one bit of a session, which any commit by another one clears.
    *Chains* likewise: "my chain is where I left it".
    *Flushes* carry one item each. *Clocks* are none: any heart may be late, any lease be over.
    *A worker that has lost its connection* has lost its memory, too; it begins anew under any id that is free.

Bounded
    One session that has outlived its process; one frozen process; the bounds of a charge's own model.

Assumed
    Commits are atomic and durable. A session whose backend is gone writes nothing. One that holds the lock of an id is
    the only one that does; with ``no locks`` not even that.

Laws
    Those of a charge (``double``, ``hidden``, ``false``, ``impossible``), and
    ``fenced``   an entry was written out of a memory whose connection had been taken away
    ``forked``   an entry was appended to a chain that had moved
    ``early``    a run was called finished while an item was open
    ``twice``    a run was called finished twice
    ``stuck``    a state from which no noted end can be reached without a further fault
"""

import sys
from dataclasses import replace

from tests.model import lease_rejected as without
from tests.model.lease_parts import PLAIN, Rules
from tests.model.lease_worker import Shipped
from tests.model.walking import Walk, main

CALM = Rules(cuts=False, ghosts=False, kills=False, freezes=False, early=False)
# What a setting adds to; a late request is part of every one.
SURE = replace(PLAIN, delays=False)
TWINS = replace(CALM, locks=False, ids=1)

CHANGE: tuple[Walk, ...] = tuple(
    Walk(Shipped(rules))
    for rules in (
        Rules(ghosts=False),
        replace(CALM, kills=True, cuts=True, ghosts=True, item=SURE),
        replace(CALM, kills=True, pauses=1),
        replace(CALM, whole=True, kills=True),
        replace(CALM, whole=True, kills=True, cuts=True, item=SURE),
        replace(CALM, items=2, kills=True),
        replace(CALM, items=2, kills=True, item=SURE, pauses=1),
        replace(TWINS, kills=True, cuts=True, freezes=True, early=True),
        replace(TWINS, whole=True, early=True),
        Rules(locks=False, ghosts=False, freezes=False),
    )
)
# The shipped design, on every change: each in seconds.

DEEP: tuple[Walk, ...] = tuple(
    Walk(Shipped(rules))
    for rules in (
        Rules(pauses=1),
        Rules(freezes=False, item=SURE, pauses=1),
        Rules(whole=True, item=SURE, ghosts=False),
        replace(CALM, items=2, kills=True, early=True, item=SURE, pauses=1),
        Rules(items=2, item=SURE, ghosts=False),
        replace(TWINS, whole=True, early=True, kills=True, cuts=True),
    )
)
# With --deep: minutes.

REJECTED: tuple[Walk, ...] = (
    Walk(without.VersionUnnamed(replace(CALM, whole=True, locks=False, early=True, item=SURE)), "double"),
    Walk(without.Leased(replace(CALM, whole=True, early=True)), "double"),
    Walk(without.TakenUnasked(replace(CALM, whole=True, early=True)), "double"),
    Walk(without.GoesOn(replace(CALM, cuts=True)), "fenced"),
    Walk(without.Redone(replace(CALM, cuts=True)), "impossible"),
    Walk(without.Believed(replace(CALM, whole=True, cuts=True)), "double"),
    Walk(without.Forks(TWINS), "forked"),
    Walk(without.QueueIsEmpty(CALM), "early"),
    Walk(without.DoneFirst(replace(CALM, kills=True)), "stuck"),
    Walk(without.NotedUnlocked(CALM), "twice"),
    Walk(without.OwnClock(replace(CALM, freezes=True)), "stuck"),
)

SOUND: tuple[Walk, ...] = (Walk(without.VersionUnnamed(replace(CALM, whole=True, kills=True, cuts=True, item=SURE))),)
# A second line of defence: while the locks hold, nobody meets another's version.


if __name__ == "__main__":
    sys.exit(main("lease_walks", "Two workers, one ledger.", (*CHANGE, *REJECTED, *SOUND), DEEP, sys.argv[1:]))
