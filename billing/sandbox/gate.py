"""Who may come in: API key, API version, connected account, permission. Nothing is looked up before this."""

import base64
import re
from fnmatch import fnmatchcase

from billing.sandbox.config import Behaviour, Keys
from billing.sandbox.refusals import masked, no_access, no_permission, refusal, secret_only, unauthorised
from billing.sandbox.routes import Route
from billing.sandbox.world import API_VERSION, Account, World

VERSION = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}(\.[a-z]+)?")
KEY = re.compile(r"[srp]k_(test|live)_[A-Za-z0-9_]{4,240}")
PUBLISHABLE = "pk_"


class Gate:
    """The keys that are let in. Keys can be revoked, narrowed and widened while a run is under way."""

    def __init__(self, keys: Keys, behaviour: Behaviour) -> None:
        """As configured."""
        self._keys = keys
        self._behaviour = behaviour
        self._revoked = set(keys.revoked)
        self._lacking: dict[str, frozenset[str]] = {}
        self._routes = dict(keys.restricted)
        self._owners = dict(keys.accounts)
        for key, names in keys.lacking.items():
            self.withhold(key, *names)

    def revoke(self, key: str) -> None:
        """From now on this key answers 401."""
        self._revoked.add(key)

    def withhold(self, key: str, *permissions: str) -> None:
        """From now on this restricted key lacks these permissions, named with or without ``rak_``."""
        names = {name.removeprefix("rak_") for name in permissions}
        self._lacking[key] = self._lacking.get(key, frozenset()) | names

    def restrict(self, key: str, *routes: str) -> None:
        """From now on this key may use these routes alone (``GET *``, ``POST /v1/refunds``)."""
        self._routes[key] = routes

    def widen(self, key: str) -> None:
        """From now on this key may do everything again."""
        self._lacking.pop(key, None)
        self._routes.pop(key, None)

    def assign(self, key: str, account: str) -> None:
        """From now on this key is a connected account's own: what it makes, no application made."""
        self._owners[key] = account

    def identify(self, headers: dict[str, str]) -> tuple[str, bool]:
        """The key of a request, and whether it is a live one.

        Raises:
            Refusal: 401, or 400 for another API version.
        """
        key = _key_in(headers.get("authorization", ""))
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
        self._check_version(headers.get("stripe-version", API_VERSION))
        return key, live

    def _check_version(self, version: str) -> None:
        """One version is answered; others are refused, or let through and answered in it."""
        if version != API_VERSION and not (self._behaviour.other_versions and VERSION.fullmatch(version)):
            message = f"Invalid Stripe API version: {version}. The sandbox knows {API_VERSION}"
            raise refusal(f"{message} (and lets others through with behaviour.other_versions).", stored=False)

    def permit(self, key: str, route: Route, world: World, named: str | None) -> tuple[Account, bool]:
        """The account the request acts on, and whether it does so as the platform's application.

        Raises:
            Refusal: 403; a missing permission is told before the account is looked up.
        """
        own = world.account(self._owners.get(key, world.platform.id))
        if own is None:
            raise no_access(key, self._owners[key])
        if key.startswith(PUBLISHABLE) and not route.public:
            raise secret_only()
        if not self._may(key, route):
            raise no_permission(key, route.permission, named or own.id, self._behaviour.permission_words)
        if named is None or named == own.id:
            return own, False
        account = world.account(named) if own is world.platform else None
        if account is None or not account.connected:
            raise no_access(key, named)
        return account, True

    def _may(self, key: str, route: Route) -> bool:
        if route.permission in self._lacking.get(key, ()):
            return False
        allowed = self._routes.get(key)
        return allowed is None or any(_matches(each, route) for each in allowed)


def _key_in(header: str) -> str:
    """The key of an ``Authorization`` header: a bearer token, or the user name of basic authentication."""
    scheme, _, value = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        return ""


def _matches(allowed: str, route: Route) -> bool:
    """Whether a line such as ``POST /v1/payment_intents/*`` or ``GET *`` covers an endpoint."""
    method, _, path = allowed.partition(" ")
    return method in ("*", route.method) and fnmatchcase(route.path, path.strip() or "*")
