"""Whether mode, key, flag and address agree, so that no live key goes where it does not belong."""

import ipaddress
from urllib.parse import urlsplit

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.settings.load import Settings

STRIPE_BASE = "https://api.stripe.com"


def require_agreement(settings: Settings, *, mode: Mode, live_key: bool, live_flag: bool) -> None:
    """Refuse to go on when mode, key, flag and address do not agree; nothing was sent yet.

    Args:
        settings: for the address, and the mode of a named platform.
        mode: of the run.
        live_key: whether the key is a live key.
        live_flag: whether ``--live`` was given.

    Raises:
        UsageError: naming everything that disagrees.
    """
    live = mode is Mode.LIVE
    base = settings.api_base
    checks = (
        (live and not live_key, "the run is live but the key is a test key"),
        (live_key and not live, "the key is a live key but the run is in test mode (mode: live)"),
        (
            settings.bound_to not in {None, mode},
            f"platform {settings.platform_name} is for {settings.bound_to} mode, and the run is in {mode} mode",
        ),
        (live and not live_flag, "a live run needs --live"),
        (live_flag and not live, "--live was given but the run is in test mode (mode: live)"),
        (
            live_key and base not in {None, STRIPE_BASE},
            f"a live key goes to {STRIPE_BASE} only, not to {base} (api_base)",
        ),
        (
            base is not None and not _safe_base(base),
            f"{base}: plain http is for this machine or a private network only",
        ),
    )
    wrong = [message for failed, message in checks if failed]
    if wrong:
        raise UsageError("; ".join(wrong) + "; nothing was sent")


def require_own_platform(settings: Settings, named: str) -> None:
    """Refuse a run file that is for another platform than the one that is chosen; nothing was sent yet.

    Args:
        settings: of the platform that is chosen.
        named: the platform that the run file names, or empty where it names none.

    Raises:
        UsageError: they differ, or the settings name no platforms.
    """
    chosen = settings.platform_name
    if named in ("", chosen):
        return
    if chosen:
        where = settings.sources["platform_name"].removeprefix("env ")
        said = f"platform {chosen} is chosen ({where})"
    else:
        said = "the settings name no platforms"
    raise UsageError(f"the run file is for platform {named}, and {said}; nothing was sent")


def _safe_base(base: str) -> bool:
    """Whether a key may travel there: encrypted, or without leaving the machine or the private network."""
    parts = urlsplit(base)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name without a dot is a neighbour in a compose file or a cluster; it means nothing on the internet.
        return "." not in host
    return address.is_loopback or address.is_private
