"""The questions flows ask of a ledger: an index under each, streams in one snapshot."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from billing.edge.ledger.chain import Head
from billing.edge.ledger.entry_queries import EntryQueries
from billing.edge.ledger.finding import Finding
from billing.edge.ledger.heads import joined, read_heads
from billing.edge.ledger.item_queries import ItemQueries
from billing.edge.ledger.lookup_queries import LookupQueries
from billing.edge.ledger.onlooking import Onlooking
from billing.edge.ledger.questions import Question
from billing.edge.ledger.reader import Reader, Snapshot
from billing.edge.ledger.report_queries import ReportQueries
from billing.edge.ledger.run_queries import RunQueries
from billing.edge.ledger.runs import Runs


class Queries(RunQueries, ReportQueries, ItemQueries, EntryQueries, LookupQueries):
    """Reads by one reader; what streams has a reader of its own and sees one moment throughout.

    Attributes:
        kept_runs: what never changes about the runs it has met.
        onlooker: the questions of whoever looks while others write.
        finder: the questions about one item.
    """

    def __init__(self, reader: Reader, open_snapshot: Snapshot, key: bytes) -> None:
        """Ask a reader.

        Args:
            reader: for what is short.
            open_snapshot: gives a reader for each stream.
            key: of the ledger's chain.
        """
        super().__init__(reader, Runs(reader), open_snapshot)
        self._key = key
        self.onlooker = Onlooking(reader, self.kept_runs)
        self.finder = Finding(reader, self.kept_runs, self._unsealed)

    @contextmanager
    def at_one_moment(self) -> Iterator[None]:
        """See the same moment in every read until the context ends; what streams must have ended by then."""
        with self._reader.at_one_moment():
            before, self._snapshot = self._snapshot, lambda: nullcontext(self._reader)
            try:
                yield
            finally:
                self._snapshot = before

    def head(self) -> Head:
        """Return the end of the chain, or of all chains as one."""
        return joined(self._key, read_heads(self._reader))

    def sizes(self) -> tuple[int, int]:
        """Return the numbers of the last entry and the last item."""
        ((entries, items),) = self._all(Question.SIZES)
        return entries, items
