"""Variables that look like settings and are none: a slip of the pen must not mean the default, unnoticed."""

import difflib
import re
from collections.abc import Collection, Mapping

from billing.edge.settings.table import SETTINGS

PREFIX = "BILLING_"
WEBHOOKS = "BILLING_WEBHOOK"
# A run file names the variable of its webhook itself; those that begin so are taken for such.
OF_A_CLUSTER = re.compile(
    r"BILLING_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
# Kubernetes sets these in every pod beside a service whose name begins with "billing".
# (kubernetes.io/docs/concepts/services-networking/service, environment variables)


def unknown_variables(environ: Mapping[str, str], named: Collection[str]) -> list[str]:
    """Return a sentence for each variable that begins like a setting's and is none.

    Args:
        environ: the process's environment.
        named: variables that the settings name, which may be called anything: of a webhook, of a platform's key.
    """
    known = {setting.env for setting in SETTINGS} | set(named)
    return [
        f"{name}: there is no such setting ({_meant(name)})"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not _of_others(name)
    ]


def _of_others(name: str) -> bool:
    return name.startswith(WEBHOOKS) or OF_A_CLUSTER.fullmatch(name) is not None


def _meant(name: str) -> str:
    known = [setting.env.removeprefix(PREFIX) for setting in SETTINGS]
    close = difflib.get_close_matches(name.removeprefix(PREFIX), known, n=1, cutoff=0.6)
    return f"did you mean {PREFIX}{close[0]}?" if close else "billing config show lists every setting; unset it"
