"""Take webhooks of Stripe, and follow what they tell of."""

from billing.cli.options import Common, LiveOpt


def command(*, live: LiveOpt = False, common: Common) -> int:
    """Take webhooks of Stripe, and look at what they tell of, until it is stopped.

    What an event says is never believed: its signature is checked, then the item that it is about is read at Stripe and
    followed as billing settle does. Nothing is charged. A webhook that is missed costs time only. The secrets of the
    endpoints stand in BILLING_WEBHOOK_SECRETS, with commas between, or in the file BILLING_WEBHOOK_SECRETS_FILE. It
    listens on this machine alone unless told otherwise (listen.address): let a proxy end https in front of it.
    billing doctor tells which events an endpoint at Stripe lacks.

    \b
    export BILLING_WEBHOOK_SECRETS=whsec_...
    billing listen
    billing listen --live
    billing sandbox --forward-to http://127.0.0.1:8585     to try it
    """
    from billing.cli.listening import listen_until_stopped
    from billing.cli.session import begin, run_async
    from billing.core.items import Mode

    session = begin(common)
    mode = Mode.LIVE if live else session.settings.mode
    return run_async(lambda: listen_until_stopped(session, mode, live=live))
