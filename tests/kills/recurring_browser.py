"""A payer's browser: it opens a link of ours, does at the provider what Stripe.js does, and comes back to our page."""

import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

PUBLISHABLE = "pk_test_recurring1234567"
PATIENCE = 180.0  # seconds in which a payer comes back again and again
PAUSE = 0.2
SAVED = ("Saved. Thank you.", "Your payment details are saved.")
# What the page says to somebody who has nothing left to do, just now or already before.
TIMED_OUT = 20.0


class ComeBack(Exception):
    """The page, or the provider, has no answer now."""


@dataclass(slots=True)
class Browser:
    """One payer at a time.

    Attributes:
        provider: where the provider's API is.
        link: the payer's link, as the report has it.
        number: of the card.
    """

    provider: str
    link: str
    number: str

    def save(self) -> str:
        """Come back until the page says that it is over, and return what it says: ``saved``, or the page's text."""
        end, told = time.monotonic() + PATIENCE, "never answered"
        while time.monotonic() < end:
            try:
                told = self._visit()
                if told == "saved":
                    return told
            except ComeBack as reason:
                told = str(reason)
            time.sleep(PAUSE)
        return told

    def _visit(self) -> str:
        """Open the link, confirm if there is something to confirm, and read the page after."""
        page = self._page(self.link)
        if "data-open" in page:
            told = self._opened()
            if secret := told.get("client_secret"):
                self._confirm(secret)
            elif told.get("go") != "done":
                raise ComeBack(f"the page says {told}")
        after = self._page(f"{self.link}/done")
        return "saved" if any(words in after for words in SAVED) else after

    def _opened(self) -> dict[str, Any]:
        base = urlsplit(self.link)
        origin = f"{base.scheme}://{base.netloc}"
        headers = {"Content-Type": "application/json", "X-Collect": "1", "Origin": origin}
        return _json(Request(f"{self.link}/open", b"{}", headers))  # noqa: S310  loopback

    def _confirm(self, secret: str) -> None:
        """What the frame of Stripe.js does: a method of the card, confirm, and the bank's question."""
        intent = secret.partition("_secret_")[0]
        status = self._ask("GET", f"setup_intents/{intent}", client_secret=secret)["status"]
        if status == "requires_payment_method":
            card = {"card[number]": self.number, "card[exp_month]": 12, "card[exp_year]": 2031, "card[cvc]": "123"}
            method = self._ask("POST", "payment_methods", type="card", **card)["id"]
            how = {"client_secret": secret, "payment_method": method, "use_stripe_sdk": "true"}
            found = self._ask("POST", f"setup_intents/{intent}/confirm", return_url=f"{self.link}/done", **how)
        else:
            found = self._ask("GET", f"setup_intents/{intent}", client_secret=secret)
        if found["status"] == "requires_action":
            self._authenticate(found["next_action"]["use_stripe_sdk"]["stripe_js"], secret)

    def _authenticate(self, page: str, secret: str) -> None:
        """Answer the bank on its page."""
        given = {"client_secret": secret, "answer": "complete", "embedded": "1"}
        _text(Request(page.partition("?")[0], urlencode(given).encode()))  # noqa: S310  loopback

    def _ask(self, verb: str, path: str, **params: Any) -> dict[str, Any]:
        encoded = urlencode(params)
        url = f"{self.provider}/v1/{path}" + (f"?{encoded}" if verb == "GET" else "")
        headers = {"Authorization": f"Bearer {PUBLISHABLE}"}
        return _json(Request(url, None if verb == "GET" else encoded.encode(), headers, method=verb))  # noqa: S310

    def _page(self, url: str) -> str:
        return _text(Request(url))  # noqa: S310  loopback


def _json(request: Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text(request))
    return found


def _text(request: Request) -> str:
    """Return the body of a good answer.

    Raises:
        ComeBack: there is none now.
    """
    try:
        with urlopen(request, timeout=TIMED_OUT) as answer:  # noqa: S310  loopback
            return str(answer.read().decode())
    except HTTPError as refused:
        with refused:
            raise ComeBack(f"{refused.code}: {refused.read()[:300]!r}") from None
    except (URLError, OSError) as gone:
        raise ComeBack(f"{type(gone).__name__}") from None
