"""Where the chains of a ledger end. A ledger that one process at a time writes to has one chain, number 0."""

from collections.abc import Mapping

from billing.edge.ledger.chain import CHAIN, Head, seal
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader

Heads = Mapping[int, Head]
# Of every chain that has entries, by its number, ascending; of chain 0 alone where there are no entries yet.


def read_heads(reader: Reader) -> Heads:
    """Return where the chains end, as the reader sees it now."""
    found = reader.all(Question.HEADS)
    if not found:
        meta: dict[str, str] = dict(reader.all(Question.META))
        return {CHAIN: Head(0, bytes.fromhex(meta["seal"]))}
    return {chain: Head(seq, mac) for chain, seq, mac in found}


def joined(key: bytes, heads: Heads) -> Head:
    """Return the one head that stands for all: of several, the last number and a keyed digest over all in order.

    Args:
        key: of the chains.
        heads: as `read_heads` gives them.
    """
    if len(heads) == 1:
        (only,) = heads.values()
        return only
    fields = [field for chain in sorted(heads) for field in (chain, heads[chain].seq, heads[chain].mac.hex())]
    return Head(max(head.seq for head in heads.values()), seal(key, "heads", *fields))
