"""From whom a request really is, and whether it came by https: what a proxy says, if it is one that may say so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. ``told`` is whether a trusted proxy said so."""

    address: str
    https: bool
    told: bool


def origin_of(peer: str, headers: Mapping[str, str], proxies: Sequence[Network]) -> Origin:
    """Return where a request comes from.

    Each proxy appends the address it was asked from to ``X-Forwarded-For``; the last one that is not a proxy of ours is
    the payer's. What stands before it was written by the payer and is worth nothing.

    Args:
        peer: the address of the connection.
        headers: of the request, by any spelling.
        proxies: whose word counts.
    """
    if not _among(peer, proxies):
        return Origin(peer, https=False, told=False)
    https = headers.get("X-Forwarded-Proto", "").split(",")[-1].strip().lower() == "https"
    for address in reversed(headers.get("X-Forwarded-For", "").split(",")):
        found = _address(address.strip())
        if found is None:
            break
        if not _among(str(found), proxies):
            return Origin(str(found), https, told=True)
    return Origin(peer, https, told=True)


def _among(address: str, proxies: Sequence[Network]) -> bool:
    found = _address(address)
    return found is not None and any(found in network for network in proxies if found.version == network.version)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
