"""The way out of this machine: through a proxy or not, and whose certificates are believed. Settings say so, alone."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import stripe

from billing.core.errors import UsageError
from billing.edge.settings.load import Settings
from billing.edge.smallfile import NotRead, read_small

MOST_BYTES = 4 * 1024 * 1024
# Of a file of authorities: the largest public bundle has a quarter of a megabyte.


@dataclass(frozen=True, slots=True)
class Route:
    """How connections leave.

    Attributes:
        proxy: address of an HTTP proxy for what is https, with name and password if it wants them; it does not print.
        authorities: PEM texts to believe beside the public authorities, or empty.
    """

    proxy: str | None = field(default=None, repr=False)
    authorities: str = field(default="", repr=False)

    def proxy_for(self, url: str) -> str | None:
        """Return the proxy for an address: plain http goes to this machine or a private network only, and directly."""
        return self.proxy if url.startswith("https:") else None


DIRECT = Route()


def route_of(settings: Settings, environ: Mapping[str, str]) -> Route:
    """Return the way that the settings name.

    Raises:
        UsageError: the proxy's variable is not set or holds no address, or the file of authorities cannot be used.
    """
    return Route(_proxy(settings.proxy, environ), _authorities(settings.ca_file))


def _proxy(named: str | None, environ: Mapping[str, str]) -> str | None:
    """Return the address; where it holds a password it stands in a variable, and no message repeats it."""
    if named is None or not named.startswith("env:"):
        return named
    variable = named.removeprefix("env:")
    address = environ.get(variable, "").strip()
    if not address:
        raise UsageError(f"proxy: {named} is named, and {variable} is not set")
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UsageError(f"proxy: what {variable} holds is no address such as http://name:password@proxy.example:3128")
    return address.rstrip("/")


def _authorities(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        content, _ = read_small(path, MOST_BYTES)
        text = content.decode("utf-8-sig")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=_certificates(text))
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file (ca_file)") from None
    except NotRead as error:
        raise UsageError(f"{path}: {error} (ca_file)") from None
    except (ssl.SSLError, ValueError):
        raise UsageError(f"{path}: holds no certificates in PEM form (ca_file)") from None
    return text


def _certificates(text: str) -> str:
    """Return the certificates of a PEM text; OpenSSL would take one without any for an empty list.

    Raises:
        ValueError: there is none.
    """
    found = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", text, re.DOTALL)
    if not found:
        raise ValueError("no certificate")
    return "\n".join(found) + "\n"


def tls_context(authorities: str = "") -> ssl.SSLContext:
    """Return the one way to speak TLS: 1.2 or later, verified against the SDK's bundle and ``authorities`` (PEM).

    Made by hand because ``ssl.create_default_context`` would write session keys to ``SSLKEYLOGFILE``.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=stripe.ca_bundle_path)
    if authorities:
        context.load_verify_locations(cadata=_certificates(authorities))
    return context
