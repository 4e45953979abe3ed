"""List who is subscribed with what, and whose renewals have failed."""

from typing import Annotated

import typer

from billing.cli.options import Common, Form, Sending, Without


def command(
    *,
    account: Annotated[
        list[str] | None, typer.Option("--account", metavar="ACCOUNT", help="Only links with this account. Repeatable.")
    ] = None,
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="CUSTOMER", help="Only links of this platform customer. Repeatable."),
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Only what the ledger knows; nothing is sent.")] = False,
    output: Annotated[Form, typer.Option("--output", help="What stdout carries.")] = Form.TEXT,
    sending: Annotated[Sending, Without("wait")],
    common: Annotated[Common, Without("output")],
) -> int:
    """List who is subscribed with what: customer, account, copy, subscription, paid until when, and failed renewals.

    Each account is listed once, which costs about a request for each; nothing is changed. Renewals and their retries
    are Stripe's: what has failed is shown with what to do. The exit code is 4 when a renewal has failed, 5 when an
    account could not be listed, else 0; with --offline it is always 0.

    \b
    billing links
    billing links --account acct_1Nv0FGQ9RKHgCVdK --output csv
    billing links --customer cus_NffrFeUfNV2Hib --offline
    billing links --live --output json
    """
    from billing.cli.linking import Asked, list_links
    from billing.cli.session import begin, run_async
    from billing.flow.linked import Whose

    session = begin(common)
    whose = Whose(frozenset(account or ()), frozenset(customer or ()))
    return run_async(list_links, session, Asked(whose, output, sending, offline=offline))
