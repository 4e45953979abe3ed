"""What the server asks of the program behind it, and what it is told."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from billing.edge.pages.rendering import policy_of, render

Nodes = Mapping[str, Mapping[str, Any]]
# What a live page shows, by the name of a node: ``text``, ``value``, ``width``, ``hidden``, ``tone``, ``href``, ``d``.
FORM = {"form-action": "'self'"}
# What the policy of a page with the form of the search allows beside its own style.
LIVE = {"connect-src": "'self'"}
# And that of a page that goes on by itself.


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        template: its name in `billing/edge/pages/templates`.
        values: what it shows; nothing in it is read from the ledger while it is drawn.
        status: of the answer.
        styles, script: names in `billing/edge/pages/static`.
        allows: directives of its policy beside those of every page.
    """

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    styles: tuple[str, ...] = ("serve.css",)
    script: str = ""
    allows: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """Draw it."""
        page = render(self.template, styles=self.styles, script=self.script, allows=self.allows, **self.values)
        return "".join(page).encode("utf-8", "backslashreplace")

    def policy(self) -> str:
        """Return its Content-Security-Policy: the page's own, and that nobody may frame it."""
        return policy_of(self.styles, self.script, **self.allows) + "; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Seen:
    """A run under way as it was seen last.

    Attributes:
        nodes: of its page.
        over: whether nobody is at it any more: then nothing more will come.
    """

    nodes: Nodes
    over: bool


class Desk(Protocol):
    """The pages of a ledger, and runs that are looked at while they go on."""

    async def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """Return the page of an address, or None where there is no such run, line, account or customer."""
        ...

    async def knows(self, run_id: str) -> bool:
        """Tell whether there is such a run."""
        ...

    async def seen(self, runs: Collection[str]) -> Mapping[str, Seen]:
        """Return those of these runs of which something is otherwise than when it was asked the last time."""
        ...

    def forget(self, run_id: str) -> None:
        """Nobody looks at a run any more."""
        ...
