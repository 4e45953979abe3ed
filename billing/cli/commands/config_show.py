"""Show every effective setting with its source, and of the key only enough to recognise it."""

from billing.cli.options import Common
from billing.cli.tables import lined_up
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit
from billing.core.redaction import scrub


def command(common: Common) -> int:
    """Print every setting and where it comes from.

    Of the key only its beginning and its last four characters are shown.

    \b
    billing config show
    """
    from billing.cli.session import begin
    from billing.cli.settings_view import key_shown, places
    from billing.edge.logs import visible
    from billing.edge.settings.table import SETTINGS

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
