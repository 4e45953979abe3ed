"""Serve the page on which payers save their payment details."""

from billing.cli.options import Common, LiveOpt


def command(*, live: LiveOpt = False, common: Common) -> int:
    """Serve the page on which payers save a card or bank account, until it is stopped.

    Each payer has a link of this page in the report of the run (billing report). Card data goes from the payer's
    browser straight to Stripe. It needs STRIPE_PUBLISHABLE_KEY and the settings under "collect", and listens on this
    machine alone unless told otherwise: let a proxy end https in front of it.

    \b
    export STRIPE_PUBLISHABLE_KEY=pk_test_...
    billing collect
    billing collect --live
    """
    from billing.cli.collecting import serve_until_stopped
    from billing.cli.session import begin, run_async
    from billing.core.items import Mode

    session = begin(common)
    mode = Mode.LIVE if live else session.settings.mode
    return run_async(lambda: serve_until_stopped(session, mode, live=live))
