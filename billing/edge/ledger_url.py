"""The URL of a ledger as text: which database it names, and what of it may be shown. A password never may."""

import re

POSTGRES = ("postgresql://", "postgres://")
# The two schemes that libpq reads. (postgresql.org/docs/current/libpq-connect.html, "Connection URIs")
FILE = "sqlite:"
# What stands behind it is a path, whatever it looks like.
SECRETS = frozenset({"password", "sslpassword"})
# Parameters of a connection that are secrets.
_PARTS = re.compile(
    r"(?P<scheme>(?:[A-Za-z][A-Za-z0-9+.-]*://)?)(?:(?P<login>[^@/]*)@)?(?P<place>[^?#]*)(?:\?(?P<query>.*))?",
    re.DOTALL,
)
# The login ends at the first @ before any slash, as libpq reads it.


def is_postgres(url: str) -> bool:
    """Tell whether a URL names a PostgreSQL database."""
    return url.startswith(POSTGRES)


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password, in its login or as a parameter."""
    if url.startswith(FILE):
        return False
    found = _PARTS.fullmatch(url)
    if found is None:
        return True  # what cannot be taken apart may hold one
    return ":" in (found["login"] or "") or any(_is_secret(each) for each in _parameters(found["query"]))


def shown(url: str) -> str:
    """Return a URL as it may be shown, and typed again by whoever gives the password elsewhere."""
    found = None if url.startswith(FILE) else _PARTS.fullmatch(url)
    if found is None:
        return url if url.startswith(FILE) else ""
    user = (found["login"] or "").partition(":")[0]
    query = "&".join(each for each in _parameters(found["query"]) if not _is_secret(each))
    return f"{found['scheme']}{user}{'@' if user else ''}{found['place']}{'?' if query else ''}{query}"


def _parameters(query: str | None) -> list[str]:
    return [each for each in (query or "").split("&") if each]


def _is_secret(parameter: str) -> bool:
    """Tell whether a parameter is a secret, or written so that it cannot be told."""
    name = parameter.partition("=")[0]
    return name.lower() in SECRETS or "%" in name
