"""A request as it arrives, read but not judged: which endpoint, which account, which parameters."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from billing.core.wire import WireRequest
from billing.sandbox.forms import pairs_of
from billing.sandbox.routes import Route, match

UNKNOWN = "unknown"
FORM = "application/x-www-form-urlencoded"
UNREADABLE = ("application/json", "multipart/form-data")  # bodies that would be misread as forms


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One request.

    Attributes:
        headers: names in lower case.
        account: the value of ``Stripe-Account``, or of ``Stripe-Context`` which says the same, if given.
        idempotency_key: of a POST; a GET has none, whatever its headers say.
        pairs: parameters of body and query, undecoded into a tree.
        operation: the endpoint's name, or ``unknown``.
    """

    request: WireRequest
    method: str
    path: str
    headers: dict[str, str]
    account: str | None
    idempotency_key: str | None
    pairs: list[tuple[str, str]]
    route: Route | None
    ids: tuple[str, ...]
    operation: str

    @property
    def readable(self) -> bool:
        """Whether the body is a form, as the provider takes it."""
        return not self.headers.get("content-type", FORM).lower().startswith(UNREADABLE)


def arrival_of(request: WireRequest) -> ItemResult:
    """Read a request."""
    url = urlsplit(request.url)
    headers = {name.lower(): value for name, value in request.headers.items()}
    posted = request.method == "POST"
    pairs = pairs_of(request.body.decode("utf-8", "replace")) if posted else []
    if url.query:
        pairs = pairs_of(url.query) + pairs
    found = match(request.method, url.path)
    route, ids = found or (None, ())
    return ItemResult(
        request, request.method, url.path, headers, _account(headers),
        headers.get("idempotency-key") if posted else None, pairs, route, ids, route.operation if route else UNKNOWN,
    )  # fmt: skip


def _account(headers: dict[str, str]) -> str | None:
    """A context is a path of accounts from the key's own downwards; the request acts on the last one."""
    context = headers.get("stripe-context", "").rpartition("/")[2]
    return headers.get("stripe-account") or context or None
