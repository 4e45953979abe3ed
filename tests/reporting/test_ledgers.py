"""The ledgers that reports are tested with: they are whole, they tell every story, and their books tie."""

from pathlib import Path

import pytest

from billing.core.movements import PAYOUT, Payout
from billing.core.reconciling.kept import OUTCOME
from billing.flow.outturn import ROWS, outturn_of
from billing.flow.report import EVER, known_run
from tests.facts import assert_told
from tests.reporting import hostile
from tests.reporting.ledgers import RUN, made


@pytest.mark.parametrize("attacks", [False, True])
def test_a_made_ledger_is_whole_tells_every_row_and_its_books_tie(tmp_path: Path, attacks: bool) -> None:
    done = made(tmp_path / "made", 240, hostile=attacks)
    with done.read() as ledger:
        assert ledger.verify().faults == ()
        assert_told(ledger)
        record = known_run(ledger, done.run_id)
        outturn = outturn_of(ledger, record)
        assert set(outturn.rows) == set(ROWS)
        assert outturn.apart == {}
        assert outturn.total.lines == done.lines
        compared = ledger.lookups(OUTCOME, [done.run_id], EVER)[done.run_id]
        assert compared["discrepancies"] > 0
        assert len(compared["totals"]) == 4
        assert all(" unexplained 0" in total for total in compared["totals"])
        assert any(Payout.from_facts(name, facts).failed for name, facts in ledger.kept(PAYOUT))
        told = {text for line in ledger.report(done.run_id) for text in line.cells}
        assert any(text in told for text in hostile.TEXTS) is attacks


async def test_the_same_arguments_make_the_same_lines(tmp_path: Path) -> None:
    sheets = []
    for name in ("one", "two"):
        with made(tmp_path / name, 40, live=True).read() as ledger:
            sheets.append([(line.cells, line.item and line.item.state) for line in ledger.report(RUN)])
    assert sheets[0] == sheets[1]
