"""How often the form may be opened: so many times an hour by one payer, and from one network address.

Whoever may open it without end can test stolen cards with it. What is counted is in memory: a restart forgives.
"""

from collections import deque
from ipaddress import IPv6Address, ip_address

HOUR = 3600.0
MOST_NAMES = 100_000
# Names counted at once, some 20 MB. When there are more, those that were seen longest ago are forgotten.
_HOUSEHOLD_BITS = 64
# An IPv6 customer is given a network of this size or more, and may take any address of it. (RFC 6177)


class HourlyLimit:
    """Counts by name, over the last hour."""

    def __init__(self, most: int) -> None:
        """Allow ``most`` an hour."""
        self._most = most
        self._taken: dict[str, deque[float]] = {}

    def allows(self, name: str, now: float) -> bool:
        """Tell whether one more is allowed; ``now`` is in seconds of any clock that never goes back."""
        taken = self._taken.get(name)
        while taken and taken[0] <= now - HOUR:
            taken.popleft()
        return not taken or len(taken) < self._most

    def take(self, name: str, now: float) -> None:
        """Count one."""
        taken = self._taken.pop(name, None) or deque(maxlen=self._most)
        taken.append(now)
        self._taken[name] = taken
        if len(self._taken) > MOST_NAMES:
            self._taken.pop(next(iter(self._taken)))


def household(address: str) -> str:
    """Return what an address is counted as: itself, and of IPv6 the network that one customer has."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _HOUSEHOLD_BITS << _HOUSEHOLD_BITS))
