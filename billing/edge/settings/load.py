"""The effective settings and where each came from: flags, environment, billing.yaml, the default."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.core.journals.journal import Setup
from billing.core.journals.roles import Role
from billing.core.policies import Compare, Dunning, Limits, Notification, Policies, StopOn
from billing.edge.secrets import KeyPlace
from billing.edge.settings.gathering import Gathered, gathered
from billing.edge.settings.table import BY_NAME


@dataclass(frozen=True, slots=True)
class Settings:
    """The effective settings.

    Attributes:
        values: name to value, one for every row of the table; None where nothing is set and there is no default.
        sources: name to where the value came from: ``flag``, ``env NAME``, ``FILE:LINE`` or ``default``.
        texts: name to the value as it was written, for ``billing config show``; a password is left out.
        ledger_trouble: why it cannot be told which ledger is meant; empty when it can.
        key: where the key of a named platform is; None means the variables that hold for all.
        bound_to: the only mode of a named platform; None where its table names none.
    """

    values: Mapping[str, Any]
    sources: Mapping[str, str]
    texts: Mapping[str, str]
    ledger_trouble: str = ""
    key: KeyPlace | None = None
    bound_to: Mode | None = None

    def having(self, source: str, values: Mapping[str, Any]) -> "Settings":
        """Return these settings with some values replaced, as a run file does; None replaces nothing."""
        given = {name: value for name, value in values.items() if value is not None}
        return replace(
            self,
            values={**self.values, **given},
            sources={**self.sources, **dict.fromkeys(given, source)},
            texts={**self.texts, **{name: BY_NAME[name].value.shown(str(value)) for name, value in given.items()}},
        )

    @property
    def mode(self) -> Mode:
        """The mode of runs that name none."""
        return Mode(self.values["mode"])

    @property
    def ledger(self) -> str:
        """The ledger's URL, which may hold a password: what is shown or logged is `ledger_shown`.

        Raises:
            UsageError: none is named, and it cannot be told which one is meant.
        """
        if self.ledger_trouble:
            raise UsageError(self.ledger_trouble)
        return str(self.values["ledger"])

    @property
    def ledger_shown(self) -> str:
        """The ledger's URL without a password."""
        return self.texts["ledger"]

    @property
    def ledger_key_file(self) -> Path | None:
        """The file with the key of the chain, if one is named."""
        return Path(self.values["ledger_key_file"]) if self.values["ledger_key_file"] else None

    @property
    def api_base(self) -> str | None:
        """The sandbox's address, or None for Stripe's own."""
        return self.values["api_base"] or None

    @property
    def proxy(self) -> str | None:
        """The proxy's address, or ``env:`` and the variable that holds it."""
        return self.values["proxy"] or None

    @property
    def ca_file(self) -> Path | None:
        """The file of further authorities, if one is named."""
        return Path(self.values["ca_file"]) if self.values["ca_file"] else None

    @property
    def platform(self) -> str | None:
        """The platform account the key must belong to, if one is named."""
        return self.values["platform"] or None

    @property
    def platform_name(self) -> str:
        """The name of the platform among several, or empty."""
        return self.values["platform_name"] or ""

    @property
    def timezone(self) -> str:
        """IANA name."""
        return str(self.values["timezone"])

    @property
    def allow_empty(self) -> bool:
        """Whether a run file with nothing to charge is taken."""
        return bool(self.values["allow_empty"])

    @property
    def rate_share(self) -> float:
        """Share (0-1] of Stripe's documented limits."""
        return float(self.values["rate_share"])

    @property
    def per_account_rps(self) -> float:
        """Requests a second on one connected account."""
        return float(self.values["per_account_rps"])

    @property
    def reconcile_rate(self) -> float:
        """Requests a second of a comparison with Stripe."""
        return float(self.values["reconcile.rate"])

    @property
    def concurrency(self) -> int:
        """Requests in flight."""
        return int(self.values["concurrency"])

    @property
    def per_account_concurrency(self) -> int:
        """Requests in flight on one connected account."""
        return int(self.values["per_account_concurrency"])

    @property
    def books(self) -> Mapping[Role, str]:
        """What the accounts of a journal are called."""
        return {role: str(self.values[f"export.{role}"]) for role in Role}

    @property
    def importers(self) -> Setup:
        """What some importers of journals want to know."""
        return Setup(
            xero_tax_rate=self.values["export.xero_tax_rate"] or "",
            datev_consultant=self.values["export.datev_consultant"] or 0,
            datev_client=self.values["export.datev_client"] or 0,
            datev_year=str(self.values["export.datev_year"]),
        )

    @property
    def log_level(self) -> str:
        """``debug``, ``info``, ``warning`` or ``error``."""
        return str(self.values["log_level"] or ("info" if self.log_format == "json" else "warning"))

    @property
    def log_format(self) -> str:
        """``console`` or ``json``."""
        return str(self.values["log_format"])

    @property
    def application_fee_percent(self) -> Decimal | None:
        """The platform's share of items that name none."""
        percent: Decimal | None = self.values["defaults.application_fee_percent"]
        return percent

    @property
    def statement_suffix(self) -> str | None:
        """For items without one."""
        return self.values["defaults.statement_suffix"] or None

    @property
    def description(self) -> str | None:
        """For items without one."""
        return self.values["defaults.description"] or None

    @property
    def public_url(self) -> str | None:
        """What the links of payers begin with (``collect.public_url``), without a slash at the end."""
        return self.values["collect.public_url"] or None

    @property
    def policies(self) -> Policies:
        """What holds for a run whose file does not say otherwise."""
        webhook, on = self.values["notify.webhook"], self.values["notify.on"]
        soft: tuple[timedelta, ...] = self.values["retry.soft"]
        return Policies(
            limits=Limits(max_items=self.values["limits.max_items"]),
            dunning=Dunning(soft=soft, hard=self.values["retry.hard"]),
            stop_on=StopOn(
                decline_rate=self.values["stop_on.decline_rate"],
                after_items=self.values["stop_on.after_items"],
                same_error=self.values["stop_on.same_error"],
            ),
            compare=Compare(**{each.name: self.values[f"compare.{each.name}"] for each in fields(Compare)}),
            notify=(Notification(webhook=webhook, on=on),) if webhook else (),
        )


def _silent() -> str:
    """Name no platform."""
    return ""


def load_settings(
    environ: Mapping[str, str],
    flags: Mapping[str, str | None] | None = None,
    config: Path | None = None,
    run_file: Path | None = None,
    *,
    run_platform: Callable[[], str] = _silent,
) -> Settings:
    """Gather every setting: of the platform that is chosen, where the file names several.

    Args:
        environ: the process's environment.
        flags: setting name to the text typed on the command line; None where the flag was not given.
        config: the file named by ``--config``; without it the nearest ``billing.yaml`` is read, from here upwards.
        run_file: the run file that was typed, which may tell where the ledger is; None where there is none.
        run_platform: asked for the name of the platform that the run file is for where nothing else chooses one.

    Raises:
        UsageError: a flag, a variable or ``--config`` cannot be used, or several platforms could be meant.
        InvalidInput: the file has problems, all of them with their places.
    """
    first, *others = load_each(environ, flags, config, run_file)
    if others:
        named = {each.platform_name: each for each in (first, *others)}
        said = run_platform()
        if said in named:
            return named[said].having("run file", {"platform_name": said})
        names = ", ".join(named)
        raise UsageError(
            f"the settings name several platforms ({names}), and none is chosen; nothing was sent "
            "(add --platform NAME, or set BILLING_PLATFORM_NAME)"
        )
    return first


def load_each(
    environ: Mapping[str, str],
    flags: Mapping[str, str | None] | None = None,
    config: Path | None = None,
    run_file: Path | None = None,
) -> tuple[Settings, ...]:
    """Gather every setting of each platform that could be meant: the one chosen, else all that are named.

    Where the file names no platforms there is one, without a name. The arguments are those of `load_settings`.

    Raises:
        UsageError: a flag, a variable or ``--config`` cannot be used, or no platform has the name that is chosen.
        InvalidInput: the file has problems, all of them with their places.
    """
    return tuple(_settings(each) for each in gathered(environ, flags or {}, config, run_file))


def load_apart(
    environ: Mapping[str, str], flags: Mapping[str, str | None] | None = None, config: Path | None = None
) -> Settings:
    """Gather every setting of what is no platform's, whichever are named. The arguments are those of `load_settings`.

    Raises:
        UsageError: a flag, a variable or ``--config`` cannot be used.
        InvalidInput: the file has problems, all of them with their places.
    """
    (found,) = gathered(environ, flags or {}, config, None, apart=True)
    return _settings(found)


def _settings(found: Gathered) -> Settings:
    values = found.layers
    return Settings(values.values, values.sources, values.texts, found.ledger_trouble, found.key, found.bound_to)
