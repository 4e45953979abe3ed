"""What every answer carries, so that nothing but the page itself and Stripe.js can run, frame, read or keep it."""

from collections.abc import Mapping

from billing.edge.collect.stripejs import StripeJs

TWO_YEARS = 63_072_000
# Seconds; what hstspreload.org asks for.


def content_security_policy(stripe: StripeJs) -> str:
    """Return the policy: what Stripe's guide lists for Stripe.js, our own files, and nothing else.

    No inline script or style, no plug-in, no image, no form. (docs.stripe.com/security/guide, W3C CSP3)
    """
    table: Mapping[str, tuple[str, ...]] = {
        "default-src": ("'none'",),
        "script-src": ("'self'", *stripe.scripts),
        "style-src": ("'self'",),
        "frame-src": stripe.frames,
        "connect-src": ("'self'", *stripe.connections),
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": ("'none'",),
    }
    return "; ".join(f"{directive} {' '.join(sources)}" for directive, sources in table.items())


def of_every_answer(stripe: StripeJs, *, https: bool) -> dict[str, str]:
    """Return the headers of every answer; ``https`` is whether payers reach us by it.

    Cross-origin isolation (COOP, COEP) is left out: Stripe.js does not work in it.
    """
    found = {
        "Content-Security-Policy": content_security_policy(stripe),
        "Referrer-Policy": "no-referrer",  # the address of a page is a signed link
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Server": "billing",
    }
    return found | ({"Strict-Transport-Security": f"max-age={TWO_YEARS}"} if https else {})
