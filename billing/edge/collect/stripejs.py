"""Stripe.js: from where it comes, and what a page that uses it must allow. (docs.stripe.com/security/guide, CSP)"""

from dataclasses import dataclass

RELEASE = "endive"
# The release of Stripe.js that goes with the API version of the SDK. (docs.stripe.com/sdks/stripejs-versioning)


@dataclass(frozen=True, slots=True)
class StripeJs:
    """One source of Stripe.js.

    Attributes:
        script: its address. It is never bundled or served by us, which PCI DSS forbids.
        scripts, frames, connections: what it needs of a Content-Security-Policy.
    """

    script: str
    scripts: tuple[str, ...]
    frames: tuple[str, ...]
    connections: tuple[str, ...]


STRIPE = StripeJs(
    script=f"https://js.stripe.com/{RELEASE}/stripe.js",
    scripts=("https://js.stripe.com", "https://*.js.stripe.com"),
    frames=("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
    connections=("https://api.stripe.com",),
)


def of_sandbox(api_base: str) -> StripeJs:
    """Return the stand-in that a sandbox serves: everything from its origin, nothing from Stripe's."""
    return StripeJs(f"{api_base}/{RELEASE}/stripe.js", (api_base,), (api_base,), (api_base,))
