"""Who may see a page: whoever has the token, asks this server by its own name, and was not sent by another page.

A web page that somebody visits can make the browser ask a server on the same machine (DNS rebinding, CSRF, a script in
a frame), and so can every program of another user of the machine. Each row of `RULES` stops one of these ways.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

METHODS = ("GET", "HEAD")
FETCH_SITES = frozenset({"none", "same-origin"})
# Of Sec-Fetch-Site: typed, or our own pages. What is no browser sends none. (W3C Fetch Metadata, section 2.3)
TOKEN_BYTES = 32
# 256 bits: nobody guesses it.
MOST_COOKIES = 8192
# Characters of the header in which a cookie is looked for.


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as far as it matters here.

    Attributes:
        method: of it.
        target: what stands in the request line: a path.
        hosts: every ``Host`` header.
        site: ``Sec-Fetch-Site``; empty where the browser sends none.
        cookies: the ``Cookie`` header.
        token: of the address; empty without one.
    """

    method: str
    target: str
    hosts: Sequence[str]
    site: str = ""
    cookies: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """What lets in.

    Attributes:
        port: where the server listens.
        token: stands in the address that is printed; whoever brings it is given the pass.
        passing: the value of the cookie. Another text than the token: what a history keeps opens nothing by itself
            once the server has ended, and what a cookie jar keeps is no address.
    """

    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)
    passing: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES), repr=False)

    @property
    def names(self) -> frozenset[str]:
        """What the server is called: a browser that was sent here under another name was deceived."""
        return frozenset(f"{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]"))

    @property
    def cookie(self) -> str:
        """The name of its cookie; cookies know no ports, and two servers are two names."""
        return f"billing_serve_{self.port}"

    def brings_token(self, asking: Asking) -> bool:
        """Tell whether the address has the right token."""
        return _same(asking.token, self.token)

    def brings_pass(self, asking: Asking) -> bool:
        """Tell whether the browser has the cookie."""
        return _same(_cookies(asking.cookies).get(self.cookie, ""), self.passing)


def _same(one: str, other: str) -> bool:
    return secrets.compare_digest(one.encode("utf-8", "replace"), other.encode())


def _cookies(header: str) -> Mapping[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header[:MOST_COOKIES]).items()}
    except CookieError:
        return {}


RULES: tuple[tuple[int, Callable[[Asking, Access], bool]], ...] = (
    # status: where the request is not as it must be. The first that holds decides.
    (421, lambda asking, access: len(asking.hosts) != 1 or asking.hosts[0].lower() not in access.names),
    (405, lambda asking, access: asking.method not in METHODS),  # noqa: ARG005
    (400, lambda asking, access: not asking.target.startswith("/")),  # noqa: ARG005
    (403, lambda asking, access: bool(asking.site) and asking.site not in FETCH_SITES),  # noqa: ARG005
    (403, lambda asking, access: not (access.brings_token(asking) or access.brings_pass(asking))),
)


def refusal_of(asking: Asking, access: Access) -> int:
    """Return the status that a request is refused with, or 0."""
    return next((status for status, refused in RULES if refused(asking, access)), 0)
