"""Where Stripe's Dashboard shows an object: an address that only somebody who may see the account can open.

A connected account's objects stand under the id of that account. (Stripe's guide to managing
individual accounts in the Dashboard, docs.stripe.com/connect/dashboard)
"""

from urllib.parse import quote

from billing.core.items import Mode

DASHBOARD = "https://dashboard.stripe.com"
PLACES = {
    "pi": "payments", "ch": "payments", "py": "payments", "re": "payments", "pyr": "payments", "po": "payouts",
    "cus": "customers", "sub": "subscriptions", "in": "invoices", "dp": "disputes", "du": "disputes",
    "seti": "setup_intents",
}  # fmt: skip
# What the beginning of an id says of where it is shown.


def of_account(account: str, mode: Mode) -> str:
    """Return the address of a connected account; empty for none."""
    return f"{DASHBOARD}/{quote(account, safe='')}{_mode(mode)}/dashboard" if account else ""


def of_object(object_id: str, mode: Mode, account: str = "") -> str:
    """Return the address of an object on a connected account, or on the platform itself; empty if none is known."""
    place = PLACES.get(object_id.partition("_")[0])
    if place is None:
        return ""
    on = f"/{quote(account, safe='')}" if account else ""
    return f"{DASHBOARD}{on}{_mode(mode)}/{place}/{quote(object_id, safe='')}"


def _mode(mode: Mode) -> str:
    return "" if mode is Mode.LIVE else "/test"
