"""Bugs planted in whatever looks after payers: ``python -m tests.kills --recurring --bug NAME`` must see each."""

import os
from typing import Any

from billing.core.objects.link import Follows
from billing.edge.runfiles import lines
from billing.edge.stripe import gateway
from billing.flow.kinds.subscription import begin_open
from billing.flow.kinds.subscription import open as opening
from billing.flow.kinds.sync import checking
from tests.sim.mutations import Patches


def orphans_live() -> Patches:
    """Every process opens under keys of its own, looks for nothing that is there, and lights no fuse."""
    key, own = gateway.idempotency_key, f"-{os.getpid()}"

    async def nothing(ctx: Any, item: Any) -> None:
        return None

    return [
        (gateway, "idempotency_key", lambda *parts: key(*parts) + own),
        (begin_open, "fuse", lambda ctx, item: None),
        (opening, "fuse", lambda ctx, item: None),
        (opening, "taken_over", nothing),
    ]


def old_copies_stay() -> Patches:
    """A sync moves the defaults and lets no older copy go."""
    follows = checking.follows

    def kept(*given: Any) -> Follows:
        found = follows(*given)
        return Follows.NOTHING if found is Follows.DETACH else found

    return [(checking, "follows", kept)]


def names_are_kept() -> Patches:
    """The cells of a line go on record as they are."""
    return [(lines.LineCollector, "_recordable", lambda self, cells: cells)]


BUGS = {"orphans_live": orphans_live, "old_copies_stay": old_copies_stay, "names_are_kept": names_are_kept}
# What shows them: a line subscribed twice (with ``--at subscriptions.create --lines 40 --strikes 8``);
# a link with an old copy; a canary in the ledger.
