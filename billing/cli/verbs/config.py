"""Show every effective setting with its source, and of the key only enough to recognise it."""

from contextlib import suppress

from billing.cli.session import Common, Session, begin
from billing.cli.tables import lined_up
from billing.cli.terminal import write_json, write_out
from billing.core.errors import BillingError, UsageError
from billing.core.exits import Exit
from billing.core.redaction import scrub
from billing.edge.ledger.custody.keyfile import default_key_file
from billing.edge.ledger.custody.location import ledger_path
from billing.edge.logs import visible
from billing.edge.secrets import load_key
from billing.edge.settings.table import SETTINGS


def show(common: Common) -> int:
    """Carry out `billing config show`."""
    session = begin(common)
    key, source = key_shown(session)
    settings = session.settings
    texts = {**settings.texts, **places(session)}
    if session.json:
        rows = {
            setting.name: {
                "value": scrub(texts[setting.name]) or None,
                "source": settings.sources[setting.name],
                "unit": setting.unit or None,
            }
            for setting in SETTINGS
        }
        write_json({"settings": rows, "key": {"value": key, "source": source}})
        return Exit.OK
    table = [["setting", "value", "from"], ["key", key, source]]
    table += [[s.name, scrub(texts[s.name]) or "-", settings.sources[s.name]] for s in SETTINGS]
    write_out("".join(visible(line) + "\n" for line in lined_up(table)))
    return Exit.OK


def places(session: Session) -> dict[str, str]:
    """Return where the ledger and its key really lie, whatever the settings leave to be understood."""
    settings = session.settings
    found = {}
    with suppress(BillingError):
        found["ledger"] = f"sqlite:///{ledger_path(settings.ledger)}"
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
