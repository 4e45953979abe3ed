"""Check the ledger."""

from dataclasses import asdict

from billing.cli.options import Reading
from billing.cli.terminal import write_json, write_out
from billing.core.exits import Exit


def command(common: Reading) -> int:
    """Check chain, database and every item.

    Every item is compared with the fold of its entries; the head is the value to keep elsewhere as a witness.

    \b
    billing ledger verify
    """
    from billing.cli.books import open_books
    from billing.cli.ledger_view import verdict
    from billing.cli.session import begin, run_async
    from billing.edge.ledger import Verification

    session = begin(common)

    async def verified() -> Verification:
        async with open_books(session) as ledger:
            return ledger.verify()

    found = run_async(verified)
    if session.json:
        heads = {str(chain): {"seq": head.seq, "mac": head.mac.hex()} for chain, head in found.heads.items()}
        write_json({"sound": not found.faults, **asdict(found), "heads": heads})
    else:
        write_out("".join(line + "\n" for line in verdict(found)))
    return Exit.STOPPED if found.faults else Exit.OK
