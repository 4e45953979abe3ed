"""Show every effective setting with its source, and of the key only enough to recognise it."""

from billing.cli.options import Common
from billing.cli.tables import lined_up
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit
from billing.core.redaction import scrub


def command(common: Common) -> int:
    """Print every setting and where it comes from.

    Of a key only its beginning and its last four characters are shown. Where the settings name several platforms, what
    holds for all and where each has its key and its ledger, or with --platform what holds for one.

    \b
    billing config show
    billing config show --platform shop-eu
    """
    from billing.cli.session import begin_apart, begin_each
    from billing.cli.settings_view import key_shown, places, platforms_shown
    from billing.edge.logs import visible
    from billing.edge.settings.table import SETTINGS

    each = begin_each(common)
    session = each[0] if len(each) == 1 else begin_apart(common)
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
        platforms = [named.facts for named in platforms_shown(each)]
        write_json({"settings": rows, "key": {"value": key, "source": source}, "platforms": platforms})
        return Exit.OK
    table = [["setting", "value", "from"], *([["key", key, source]] if len(each) == 1 else [])]
    table += [[s.name, scrub(texts[s.name]) or "-", settings.sources[s.name]] for s in SETTINGS]
    write_out("".join(visible(line) + "\n" for line in lined_up(table)))
    if len(each) > 1:
        table = [
            ["platform", "account", "mode", "key", "from", "ledger"],
            *(named.row for named in platforms_shown(each)),
        ]
        write_out("".join(visible(line) + "\n" for line in ["", *lined_up(table)]))
    return Exit.OK
