"""Settle what takes days: one run, or every run of the ledger in this mode."""

from billing.cli.options import AnyRunArg, Common, DeclinesOkOpt, Sending


def command(*, run: AnyRunArg = None, sending: Sending, declines_ok: DeclinesOkOpt = False, common: Common) -> int:
    """Ask Stripe what became of bank debits and of open declines. Only looks: charges nobody.

    Run it daily until nothing is processing.

    \b
    billing settle
    billing settle coaching-2026-11
    """
    from billing.cli.following import follow

    return follow(common, "settle", run, sending, declines_ok=declines_ok)
