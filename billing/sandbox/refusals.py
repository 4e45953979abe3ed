"""Every way the sandbox says no, in the provider's own shape: status, error object, kept under the key or not."""

from typing import Any

from billing.sandbox.config import PermissionWords

Obj = dict[str, Any]

DOC_URL = "https://stripe.com/docs/error-codes/"
INVALID_REQUEST = "invalid_request_error"
CARD_ERROR = "card_error"


class Refusal(Exception):
    """A request that ends in an error answer.

    Attributes:
        status: HTTP status.
        error: the error object of the body.
        stored: whether the answer belongs under the idempotency key. Failed validation, conflicts, authentication and
            limits are not kept (docs.stripe.com/api/idempotent_requests).
        headers: headers beside the usual ones, lower case.
    """

    def __init__(self, status: int, error: Obj, *, stored: bool = True, headers: dict[str, str] | None = None) -> None:
        """Keep the parts; the message is for a traceback only."""
        super().__init__(str(error.get("message", "")))
        self.status = status
        self.error = error
        self.stored = stored
        self.headers = headers or {}


def refusal(
    message: str,
    *,
    status: int = 400,
    code: str | None = None,
    param: str | None = None,
    kind: str = INVALID_REQUEST,
    stored: bool = True,
    headers: dict[str, str] | None = None,
    **more: object,
) -> Refusal:
    """An error answer with the fields that apply; absent ones are left out, as the provider does."""
    error: Obj = {"message": message, "type": kind}
    if code is not None:
        error |= {"code": code, "doc_url": DOC_URL + code.replace("_", "-")}
    if param is not None:
        error["param"] = param
    error.update({name: value for name, value in more.items() if value is not None})
    return Refusal(status, error, stored=stored, headers=headers)


def invalid(message: str, param: str, code: str | None = None) -> Refusal:
    """A parameter that fails validation; the key store never sees it."""
    return refusal(message, code=code, param=param, stored=False)


def missing(kind: str, wanted: str, param: str = "id", status: int = 404) -> Refusal:
    """An object that does not exist on this account, in this mode."""
    return refusal(f"No such {kind}: '{wanted}'", status=status, code="resource_missing", param=param)


def unknown_route(method: str, path: str) -> Refusal:
    """The answer to a path the provider does not know."""
    message = f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
    return refusal(message + "https://support.stripe.com/.", status=404, stored=False)


def unreadable() -> Refusal:
    """400: a body that is no form."""
    message = "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
    return refusal(message, stored=False)


def unauthorised(message: str, code: str | None = None) -> Refusal:
    """401: no key, an unknown key, a revoked key."""
    return refusal(message, status=401, code=code, stored=False)


def secret_only() -> Refusal:
    """401: a publishable key where only a secret one will do."""
    message = (
        "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list "
    )
    message += "of your API keys at https://dashboard.stripe.com/account/apikeys."
    return unauthorised(message, "secret_key_required")


def no_access(key: str, account: str) -> Refusal:
    """403 for an account that does not exist, or that no longer lets the platform in."""
    message = f"The provided key '{masked(key)}' does not have access to account '{account}' (or that account does not "
    return refusal(
        f"{message}exist). Application access may have been revoked.", status=403, code="account_invalid", stored=False
    )


def no_permission(key: str, permission: str, account: str, words: PermissionWords) -> Refusal:
    """403 for a restricted key that lacks a permission; it is given before anything is looked up."""
    message = f"The provided key '{masked(key)}' does not have the required permissions for this endpoint on account "
    message += f"'{account}'."
    if words is PermissionWords.BARE:
        return refusal(message, status=403, stored=False)
    if words is PermissionWords.SLUG:
        message += f" Having the 'rak_{permission}' permission would allow this request to continue."
        return refusal(message, status=403, stored=False)
    title = permission.replace("_", " ").title()
    message = (
        f"Permission denied. {message} Enabling \"{title}\" ('{permission}') permissions on this key would allow this "
        "request to continue. You can edit permissions at https://dashboard.stripe.com/apikeys"
    )
    return refusal(message, status=403, code="more_permissions_required", stored=False)


def limited(reason: str) -> Refusal:
    """429 from a limiter, which names its reason in a header (docs.stripe.com/rate-limits)."""
    message = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
    return refusal(message, status=429, code="rate_limit", stored=False, headers={"stripe-rate-limited-reason": reason})


def locked() -> Refusal:
    """429 without a reason header: another request holds the object; this one was not carried out."""
    message = "This object cannot be accessed right now because another API request or Stripe process is accessing it."
    return refusal(message, status=429, code="lock_timeout", stored=False, headers={"stripe-should-retry": "true"})


def key_in_use(key: str) -> Refusal:
    """409: the first request under this key is still running."""
    message = f"There is currently another in-progress request using this Idempotent Key: {key}."
    return refusal(
        message, status=409, code="idempotency_key_in_use", kind="idempotency_error", stored=False,
        headers={"stripe-should-retry": "true"},
    )  # fmt: skip


def key_mismatch(same: str, key: str) -> Refusal:
    """400: the key was used for another request."""
    message = f"Keys for idempotent requests can only be used {same} they were first used with. Try using a key other "
    message += f"than '{key}' if you meant to execute a different request."
    return refusal(message, kind="idempotency_error", stored=False)


def internal_error() -> Refusal:
    """500 after execution began: kept under the key, replayed, and says nothing about what was done."""
    return refusal("An unknown error occurred.", status=500, kind="api_error")


def masked(key: str) -> str:
    """An API key as it may be shown: its kind and its last four characters."""
    head, _, tail = key.rpartition("_")
    return f"{head}_{'*' * 8}{tail[-4:]}" if head else "*" * 8
