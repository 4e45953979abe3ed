"""What a person sees of the settings: where the ledger really lies, and of the key only enough to recognise it."""

from contextlib import suppress

from billing.cli.session import Session
from billing.core.errors import BillingError, UsageError
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.opening import resolved
from billing.edge.secrets import load_key


def places(session: Session) -> dict[str, str]:
    """Return where the ledger and its key really lie, whatever the settings leave to be understood."""
    settings = session.settings
    found = {}
    with suppress(BillingError):
        found["ledger"] = resolved(settings.ledger)
        found["ledger_key_file"] = str((settings.ledger_key_file or default_key_file(session.environ)).absolute())
    return found


def key_shown(session: Session) -> tuple[str, str]:
    """Return the key as it may be shown, and where it comes from; a key that cannot be used says why."""
    environ = session.environ
    named = [name for name in ("STRIPE_API_KEY", "STRIPE_API_KEY_FILE") if environ.get(name)]
    if not named:
        return "-", "not set"
    try:
        return str(load_key(environ)), f"env {named[0]}"
    except UsageError as error:
        return f"unusable: {error}", " and ".join(f"env {name}" for name in named)
