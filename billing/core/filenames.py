"""Names of files made of ids: safe on every disk, never two alike, whatever somebody put into an id.

What is not a letter, a digit, a dash or an underscore is replaced. Where anything was, where Windows takes the
name for a device, and where two differ by their case alone, a short hash of the id tells them apart. (Microsoft,
"Naming Files, Paths, and Namespaces")
"""

import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256

LONGEST = 80
# Characters before the hash and the suffix; most file systems take 255 bytes.
_ODD = re.compile(r"[^A-Za-z0-9_-]")
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)), "index"}
)
# Names that are no file on Windows, whatever their suffix; ``index`` is the list of all of them.
HASH = 10


def safe_names(ids: Iterable[str]) -> dict[str, str]:
    """Return a name for each id, without a suffix; the same ids always get the same names."""
    plain = {one: _plain(one) for one in ids}
    alike = Counter(name.casefold() for name in plain.values())
    # An id may itself look like the name that another one gets.
    alike.update(_hashed(one, name).casefold() for one, name in plain.items())
    return {one: name if _is_own(one, name, alike) else _hashed(one, name) for one, name in plain.items()}


def _plain(one: str) -> str:
    """Return an id without what is odd, and without a dash at its start, where programs look for options."""
    return _ODD.sub("-", one)[:LONGEST].strip("-") or "account"


def _is_own(one: str, name: str, alike: Counter[str]) -> bool:
    return one == name and alike[name.casefold()] == 1 and name.casefold() not in _DEVICES


def _hashed(one: str, name: str) -> str:
    return f"{name}-{sha256(one.encode('utf-8', 'surrogatepass')).hexdigest()[:HASH]}"
