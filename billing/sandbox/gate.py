"""Who may come in: API key, API version, connected account, permission. Nothing is looked up before this."""

import re

from billing.sandbox.config import Keys
from billing.sandbox.refusals import masked, no_access, no_permission, refusal, unauthorised
from billing.sandbox.routes import Route
from billing.sandbox.world import API_VERSION, Account, World

KEY = re.compile(r"[sr]k_(test|live)_[A-Za-z0-9_]{4,240}")


class Gate:
    """The keys that are let in. Keys can be revoked while a run is under way."""

    def __init__(self, keys: Keys) -> None:
        """As configured."""
        self._keys = keys
        self._revoked = set(keys.revoked)
        self._lacking = {key: frozenset(names) for key, names in keys.lacking.items()}

    def revoke(self, key: str) -> None:
        """From now on this key answers 401."""
        self._revoked.add(key)

    def withhold(self, key: str, *permissions: str) -> None:
        """From now on this restricted key lacks these ``rak_...`` permissions."""
        self._lacking[key] = self._lacking.get(key, frozenset()) | frozenset(permissions)

    def identify(self, headers: dict[str, str]) -> tuple[str, bool]:
        """The key of a request, and whether it is a live one.

        Raises:
            Refusal: 401, or 400 for another API version.
        """
        key = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if not key:
            raise unauthorised(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )  # fmt: skip
        if key in self._revoked:
            raise unauthorised(f"Expired API Key provided: {masked(key)}", "api_key_expired")
        form = KEY.fullmatch(key)
        live = form is not None and form[1] == "live"
        if form is None or (self._keys.listed and key not in self._keys.listed) or (live and not self._keys.live):
            raise unauthorised(f"Invalid API Key provided: {masked(key)}")
        version = headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise refusal(f"Invalid Stripe API version: {version}. The sandbox knows {API_VERSION}.", stored=False)
        return key, live

    def permit(self, key: str, route: Route, world: World, named: str | None) -> Account:
        """The account the request acts on.

        Raises:
            Refusal: 403; a missing permission is told before the account is looked up.
        """
        if route.permission in self._lacking.get(key, ()):
            raise no_permission(key, route.permission, named or world.platform.id)
        if named is None or named == world.platform.id:
            return world.platform
        account = world.accounts.get(named)
        if account is None or not account.connected:
            raise no_access(key, named)
        return account
