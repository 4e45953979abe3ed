"""Print which rights whoever charges needs in the database of a ledger."""

from typing import Annotated

import typer

from billing.cli.options import Common, Without
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit


def command(
    *,
    runner: Annotated[str, typer.Argument(metavar="ROLE", help="The role that charges; it must be there.")],
    common: Annotated[Common, Without("config", "ledger", "api_base")],
) -> int:
    """Print the SQL that lets a role charge from a ledger in PostgreSQL, and do nothing else.

    Whoever owns the tables of a ledger could switch its laws off. So let an owner make the ledger (billing ledger
    upgrade --make, or billing ledger copy), and upgrade it; and let everything else be done by a role that can only
    append. Run what is printed as the owner, again after each upgrade.

    \b
    billing ledger roles billing_runner | psql -d postgresql://billing_owner@db.example/billing
    """
    from billing.cli.session import begin
    from billing.edge.ledger.postgres.roles import grants

    session = begin(common)
    statements = list(grants(runner))
    if session.json:
        write_json(statements)
    else:
        write_out("".join(f"{statement};\n" for statement in statements))
    return Exit.OK
