"""Metadata as the provider keeps it: texts, at most 50 keys of 40 characters (docs.stripe.com/api/metadata)."""

from billing.sandbox.refusals import invalid

MAX_KEYS = 50
MAX_KEY_LENGTH = 40
MAX_VALUE_LENGTH = 500


def merged(old: dict[str, str], given: dict[str, str] | str | None) -> dict[str, str]:
    """The metadata after a request: an empty value drops its key, an empty text drops all.

    Raises:
        Refusal: too many keys, or a key or value too long.
    """
    if given is None:
        return old
    if isinstance(given, str):
        return {}
    for key, value in given.items():
        if len(key) > MAX_KEY_LENGTH:
            raise invalid(
                f"Metadata keys can have up to {MAX_KEY_LENGTH} characters; '{key}' is longer.", f"metadata[{key}]"
            )
        if len(value) > MAX_VALUE_LENGTH:
            raise invalid(
                f"Metadata values can have up to {MAX_VALUE_LENGTH} characters; '{key}' is longer.", f"metadata[{key}]"
            )
    new = {key: value for key, value in {**old, **given}.items() if value != ""}
    if len(new) > MAX_KEYS:
        raise invalid(f"Metadata can have up to {MAX_KEYS} keys.", "metadata")
    return new
