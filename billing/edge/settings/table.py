"""Every setting of billing on one screen: its name, default, kind, unit and reason."""

import textwrap
from dataclasses import dataclass
from enum import StrEnum

from billing.core.journals.roles import MEANINGS, Role
from billing.core.policies import Compare
from billing.core.variances import VARIANCES, attitude_to
from billing.edge.settings import values


class Holds(StrEnum):
    """How widely a setting holds, where several platforms are named."""

    PLATFORM = "platform"
    # Each platform's table may say otherwise.
    ALL = "all"
    # It is of the machine or of the process, and the same for every platform.
    COMMAND = "command"
    # Every command says it anew: no file does.


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table.

    Attributes:
        name: as ``billing.yaml`` spells it; a dot is one level of nesting.
        default: as it would be written, empty when there is none.
        value: reads the text into its value and says in words what may be written.
        unit: of a number, or empty.
        reason: why one would set it, and why the default is what it is.
        holds: for which platforms.
    """

    name: str
    default: str
    value: values.Value
    unit: str
    reason: str
    holds: Holds = Holds.PLATFORM

    @property
    def env(self) -> str:
        """The environment variable that sets it."""
        return "BILLING_" + self.name.upper().replace(".", "_")

    @property
    def flag(self) -> str:
        """The option of the command line that sets it, of those that have one."""
        return "--" + self.name.removesuffix("_name").replace("_", "-")


def _of_a_journal(role: Role) -> Setting:
    """The setting of what an account of a journal is called."""
    meaning = MEANINGS[role]
    names = " Names as hledger and beancount have them; QuickBooks, Xero and DATEV want those of your own chart."
    return Setting(
        f"export.{role}",
        meaning.name,
        values.BOOKS,
        "",
        f"Where `billing export` books {meaning.holds}.{names if role is Role.CLEARING else ''}",
    )


SETTINGS: tuple[Setting, ...] = (
    Setting("mode", "test", values.MODE, "",
            "Runs without a mode of their own use this. Live also needs a live key and --live."),
    Setting("ledger", "sqlite:///billing.db", values.LEDGER, "",
            "Where the durable ledger lives: sqlite:///path (three slashes relative, four absolute), on a local disk "
            "that outlives the process; or postgresql://user@host/database, with its password in PGPASSWORD or "
            "~/.pgpass. Unless named: the billing.db of this folder or one above it; where there is "
            "none, it is made beside billing.yaml, or without one beside a run file above, or here."),
    Setting("ledger_key_file", "", values.FILE, "",
            "The file with the key of the ledger's chain. Without it one is made, readable by you alone, in your "
            "configuration folder (~/.config/connect-billing/ledger.key)."),
    Setting("api_base", "", values.URL, "",
            "Another provider address, for a sandbox only. A live key refuses any but Stripe's own."),
    Setting("proxy", "", values.PROXY, "",
            "The HTTP proxy for everything that is https: Stripe and notifications. One that wants a password stands "
            "in a variable. HTTPS_PROXY and its like are not obeyed by themselves; env:HTTPS_PROXY names one.",
            Holds.ALL),
    Setting("ca_file", "", values.FILE, "",
            "Certificates (PEM) to believe beside the public authorities, such as those of a proxy that looks into "
            "connections.",
            Holds.ALL),
    Setting("platform", "", values.ACCOUNT, "",
            "The platform account the key must belong to. Without it the key's own account is asked for and taken."),
    Setting("platform_name", "", values.PLATFORM_NAME, "",
            "Which of the platforms below is meant: --platform, or the run file (platform: NAME). Needed where several "
            "are named.",
            Holds.COMMAND),
    Setting("timezone", "UTC", values.ZONE, "",
            "The zone in which days are meant, unless the run file names one."),
    Setting("allow_empty", "false", values.SWITCH, "",
            "Whether a run file with nothing to charge is taken. A broken export looks like one; --allow-empty takes a "
            "single one."),
    Setting("rate_share", "0.4", values.SHARE, "share of Stripe's documented limits",
            "The rest stays free for live checkouts; Stripe asks bulk jobs to leave room."),
    Setting("per_account_rps", "5", values.RATE, "requests a second on one connected account",
            "Account limits are not documented; this stays well under what an account's own traffic meets."),
    Setting("concurrency", "64", values.COUNT, "items at once; at most 100 requests",
            "75 requests a second at 0.7 s each need about 53."),
    Setting("per_account_concurrency", "8", values.COUNT, "requests in flight on one connected account",
            "One slow account must not hold every slot."),
    Setting("defaults.application_fee_percent", "", values.PERCENT, "percent of the amount",
            "The platform's share of items that name none; without it they have none."),
    Setting("defaults.statement_suffix", "", values.TEXT, "",
            "What follows the account's prefix on card statements, for items without one of their own."),
    Setting("defaults.description", "", values.TEXT, "",
            "The description of items without one of their own."),
    Setting("limits.max_items", "", values.COUNT, "items in a run",
            "A ceiling that catches the wrong file; none by default."),
    Setting("retry.soft", "1d, 3d, 7d", values.GAPS, "gaps after the first, second, ... decline",
            "When a decline that may pass (no funds, issuer away) may be tried again. Stays under the card networks' "
            "limits."),
    Setting("retry.hard", "never", values.GAPS, "gaps after the first, second, ... decline",
            "A stolen or closed card never gets better; trying again costs a fee each time."),
    Setting("stop_on.decline_rate", "0.5", values.SHARE, "share of the last after_items charges",
            "A wave of declines is a wrong file or card testing. 1 switches the guard off."),
    Setting("stop_on.after_items", "50", values.COUNT, "items",
            "The size of that window, and the fewest charges before the guard acts."),
    Setting("stop_on.same_error", "25", values.COUNT, "items in a row",
            "So many refusals of one kind are a mistake of ours, not of payers."),
    Setting("compare.changed_over", "20%", values.PERCENTAGE, "of a line's amount in the run before",
            "How far an amount may move before the plan names the line. A run is compared with the ones before it of "
            "the same name; what its file says under compare: beats these."),
    Setting("compare.total_band", "15%", values.PERCENTAGE, "of a total of the runs before",
            "How far a currency's total may lie above the highest or below the lowest of the runs before."),
    Setting("compare.lines_band", "10%", values.PERCENTAGE, "of the lines of the runs before",
            "How far the number of lines may, likewise. A cut export is shorter than a month ever is."),
    Setting("compare.runs", "1", values.FEW, "runs",
            "How many runs before give that highest and lowest. More of them suit a business with seasons."),
    *(Setting(f"compare.{rule.name}", str(attitude_to(Compare(), rule.name)), values.ATTITUDE, "", rule.asked)
      for rule in VARIANCES),
    Setting("notify.webhook", "", values.ENV_NAME, "",
            "Where a summary is posted when a run ends. It names an environment variable, because such addresses are "
            "secrets."),
    Setting("notify.on", "finished, stopped", values.OCCASIONS, "",
            "On which endings."),
    Setting("collect.public_url", "", values.ORIGIN, "",
            "Where payers reach the page of `billing collect`: what their links begin with. Without it payers get a "
            "page of Stripe's instead, which is open for 24 hours at most."),
    Setting("collect.listen", "127.0.0.1:8484", values.LISTEN, "",
            "Where the page listens. It speaks plain http: what is between it and the world ends https."),
    Setting("collect.proxies", "", values.NETWORKS, "",
            "Who may say whom a request is from and whether it came by https (X-Forwarded-For, X-Forwarded-Proto). "
            "Nobody is believed unless named."),
    Setting("collect.business", "", values.TEXT, "",
            "Who asks, as payers know it; needed to serve the page."),
    Setting("collect.legal", "", values.TEXT, "",
            "The full name and place of that business, for the foot of the page."),
    Setting("collect.support", "", values.MAILBOX, "",
            "Where payers ask; needed to serve the page."),
    Setting("collect.terms_url", "", values.PAGE, "",
            "The business's terms, linked at the foot."),
    Setting("collect.privacy_url", "", values.PAGE, "",
            "Its privacy statement, linked at the foot."),
    Setting("collect.texts_file", "", values.FILE, "",
            "Sentences in place of the page's own, by language: what is collected for, and the terms that your lawyer "
            "has approved."),
    Setting("collect.opens_per_payer", "20", values.COUNT, "openings of the form by one payer, an hour",
            "A payer tries a few cards; a thief with a payer's link tries hundreds."),
    Setting("collect.opens_per_address", "600", values.COUNT, "openings of the form from a network address, an hour",
            "Many phones of one operator share an address, so it is wide; it slows whoever has got hold of many "
            "links."),
    Setting("listen.address", "127.0.0.1:8585", values.LISTEN, "",
            "Where `billing listen` takes webhooks. It speaks plain http: what is between it and Stripe ends https."),
    Setting("reconcile.rate", "5", values.RATE, "requests a second",
            "How fast billing reconcile reads: a fixed pace, so that it stays beside whatever charges meanwhile."),
    *map(_of_a_journal, Role),
    Setting("export.xero_tax_rate", "", values.TEXT, "",
            "The name of the tax rate in Xero that no line is to be taxed with; Xero wants one on every line."),
    Setting("export.datev_consultant", "", values.CONSULTANT, "",
            "The tax adviser's number (Beraternummer); DATEV's files carry it."),
    Setting("export.datev_client", "", values.CLIENT, "",
            "The number you have there (Mandantennummer)."),
    Setting("export.datev_year", "01-01", values.YEARLY, "",
            "The month and day on which the fiscal year begins; a file of DATEV's lies in one year."),
    Setting("log_level", "", values.LEVEL, "",
            "The least that is written. Without it: info as json, warning on a console, where the progress tells the "
            "rest.",
            Holds.ALL),
    Setting("log_format", "console", values.FORMAT, "",
            "json gives one event a line, for machines.",
            Holds.ALL),
)  # fmt: skip

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}


PLATFORMS = (
    "#",
    "# Several platforms, each by a name of yours with its account and its key. A table says what is otherwise for its",
    "# platform: any setting but proxy, ca_file, log_level and log_format. A name with a mode is for that mode alone.",
    "# platforms:",
    "#   shop-eu:",
    "#     platform: acct_1A2b3C",
    "#     key_file: keys/shop-eu      # the file that holds the key, from this folder",
    "#     # key_env: STRIPE_KEY_EU    # or the variable that holds it: its name, never the key",
    "#     ledger: sqlite:///shop-eu.db",
    "#     rate_share: 0.2",
)
"""How `billing init` shows the tables of platforms."""


def settings_as_yaml() -> str:
    """The commented ``billing.yaml`` with every setting at its default, as ``billing init`` writes it."""
    lines = [
        "# Settings of billing. A flag beats the environment, the environment beats this file.",
        "# Secrets are never written here: STRIPE_API_KEY, or STRIPE_API_KEY_FILE naming a file only you can read.",
    ]
    group = ""
    for setting in SETTINGS:
        if setting.holds is Holds.COMMAND:
            lines += ["", *(f"# {line}" for line in _about(setting, 118)), *PLATFORMS]
            continue
        head, _, leaf = setting.name.rpartition(".")
        lines += [""] if not head or head != group else []
        lines += [f"{head}:"] if head and head != group else []
        group, pad = head, "  " if head else ""
        lines += [f"{pad}# {line}" for line in _about(setting, 118 - len(pad))]
        active = "" if setting.default or head else "# "
        lines.append(f"{pad}{active}{leaf or setting.name}: {_written(setting)}".rstrip())
    return "\n".join(lines) + "\n"


def _about(setting: Setting, width: int) -> list[str]:
    facts = [f"Unit: {setting.unit}."] if setting.unit else []
    facts.append(f"Write {setting.value.words}. Variable: {setting.env}.")
    return textwrap.wrap(" ".join([setting.reason, *facts]), width)


def _written(setting: Setting) -> str:
    if not setting.default:
        return '""'
    return f"[{setting.default}]" if setting.value.is_list and "," in setting.default else setting.default
