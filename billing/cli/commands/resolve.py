"""Resolve what was left in doubt: one run, or every run of the ledger in this mode."""

from billing.cli.options import AnyRunArg, Common, DeclinesOkOpt, Sending


def command(*, run: AnyRunArg = None, sending: Sending, declines_ok: DeclinesOkOpt = False, common: Common) -> int:
    """Ask Stripe what became of lost answers and of open declines. Only looks: charges nobody.

    What turns out not to be paid waits for billing run.

    \b
    billing resolve
    billing resolve coaching-2026-11
    """
    from billing.cli.following import follow

    return follow(common, "resolve", run, sending, declines_ok=declines_ok)
