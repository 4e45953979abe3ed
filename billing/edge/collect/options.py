"""How the page is served and for whom: its settings, checked against each other before it listens."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.collect.stripejs import STRIPE, StripeJs, of_sandbox
from billing.edge.secrets import load_publishable_key
from billing.edge.settings.load import Settings

STRIPE_API = "https://api.stripe.com"


@dataclass(frozen=True, slots=True)
class CollectOptions:
    """What the page is served with.

    Attributes:
        public_url: its origin as payers have it, without a slash at the end.
        listen: host and port.
        proxies: whose ``X-Forwarded-…`` counts.
        business, legal, support, terms_url, privacy_url: what the page says of who asks; all but the first and the
            third may be empty.
        own_words: a file of sentences in place of ours, or None.
        opens_per_payer, opens_per_address: openings of the form an hour.
        publishable_key: for Stripe.js.
        stripe: where Stripe.js comes from.
        mode: test or live; in test mode the page says so.
    """

    public_url: str
    listen: tuple[str, int]
    proxies: tuple[IPv4Network | IPv6Network, ...]
    business: str
    legal: str
    support: str
    terms_url: str
    privacy_url: str
    own_words: Path | None
    opens_per_payer: int
    opens_per_address: int
    publishable_key: str
    stripe: StripeJs
    mode: Mode

    @property
    def https(self) -> bool:
        """Whether payers reach the page by https."""
        return self.public_url.startswith("https:")


def collect_options(settings: Settings, environ: Mapping[str, str], mode: Mode) -> CollectOptions:
    """Gather how the page is served.

    Raises:
        UsageError: with everything that is missing or does not go together.
    """

    def of(name: str) -> str:
        return settings.values[f"collect.{name}"] or ""

    wrong = list(_wrong(settings, mode))
    if wrong:
        raise UsageError("; ".join(wrong))
    base = settings.api_base
    return CollectOptions(
        public_url=of("public_url"),
        listen=settings.values["collect.listen"],
        proxies=settings.values["collect.proxies"] or (),
        business=of("business"),
        legal=of("legal"),
        support=of("support"),
        terms_url=of("terms_url"),
        privacy_url=of("privacy_url"),
        own_words=Path(of("texts_file")) if of("texts_file") else None,
        opens_per_payer=settings.values["collect.opens_per_payer"],
        opens_per_address=settings.values["collect.opens_per_address"],
        publishable_key=load_publishable_key(environ, mode),
        stripe=STRIPE if base in (None, STRIPE_API) else of_sandbox(base),
        mode=mode,
    )


def _wrong(settings: Settings, mode: Mode) -> list[str]:
    url = settings.public_url or ""
    parts = urlsplit(url)
    checks = (
        *((not settings.values[f"collect.{name}"], f"collect.{name} is not set") for name in NEEDED),
        (bool(url) and parts.scheme == "http" and not _here(parts.hostname or ""),
         f"{url}: payers must reach the page by https (collect.public_url)"),
        (parts.scheme == "http" and mode is Mode.LIVE, f"{url}: live mode needs https (collect.public_url)"),
        (parts.scheme == "https" and not settings.values["collect.proxies"],
         "collect.proxies is not set: the page speaks plain http, so name what ends https in front of it"),
        (mode is Mode.LIVE and settings.api_base not in (None, STRIPE_API),
         "live mode takes Stripe.js from Stripe only, not from a sandbox (api_base)"),
    )  # fmt: skip
    return [message for failed, message in checks if failed]


NEEDED = ("public_url", "business", "support")
# Without these nobody reaches the page, or learns who asks and whom to ask.


def _here(host: str) -> bool:
    """Tell whether a host is this machine: there is no wire on which anybody could listen."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
