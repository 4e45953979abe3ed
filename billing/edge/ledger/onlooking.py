"""Questions of whoever looks at an embedded ledger while others write it: bounded each, however large the ledger is.

An answer reads an index, or the rows of a window, never a whole table. None of them keeps a moment open: a log that is
carried over into the database waits for no onlooker.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum

from billing.core.entries import Entry, ItemRecord
from billing.core.items import Kind
from billing.core.kinds import LIVES
from billing.core.records import ReportLine
from billing.edge.ledger.asking import Asking
from billing.edge.ledger.rows import ENTRY_COLUMNS, ITEM_COLUMNS, entry_of, item_of_row

# ruff: noqa: S608 - the only texts put into these statements are the constant lists of columns above

ENTRY_WINDOW = 20_000
# The last entries of a ledger, among which those of a run are looked for.
AMOUNT_WINDOW = 100_000
# The last items of a ledger, among which an amount is looked for: no index has amounts.
LAST = "\U0010ffff"
# Sorts behind every text that begins the same.
SCOPES = "(SELECT DISTINCT scope FROM runs)"
TOUCHED = "SELECT 1 FROM entries WHERE seq > ? AND run = ? LIMIT 1"
RECENT = f"""SELECT {ENTRY_COLUMNS} FROM entries CROSS JOIN items ON items.id = entries.item
    WHERE entries.seq > :after AND entries.run = :run ORDER BY entries.seq DESC LIMIT :most"""
PAGE = f"""SELECT lines.position, lines.line, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
    LEFT JOIN items ON items.id = lines.item
    WHERE lines.run = :run AND lines.revision = :revision AND lines.position > :after
    ORDER BY lines.position LIMIT :most"""
ON_ACCOUNT = f"""SELECT {ITEM_COLUMNS} FROM json_each(:states) AS asked CROSS JOIN items
    ON items.run = :run AND items.state = asked.value AND items.account = :account
    ORDER BY items.id LIMIT :most"""
ACCOUNT_SUMS = """SELECT items.state, ifnull(json_extract(items.facts, '$.group'), ''),
    ifnull(json_extract(items.facts, '$.reason_code'), ''), items.currency, count(*), sum(items.amount)
    FROM json_each(:states) AS asked CROSS JOIN items
    ON items.run = :run AND items.state = asked.value AND items.account = :account GROUP BY 1, 2, 3, 4"""
OF_PAYER = (
    f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope IN {SCOPES} AND payer = :payer ORDER BY id DESC LIMIT :most"""
)
REFERENCES = f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope = :scope AND reference >= :first AND reference < :last
    ORDER BY reference, generation LIMIT :most"""
PAYERS = f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope = :scope AND payer >= :first AND payer < :last
    ORDER BY payer LIMIT :most"""
OBJECTS = f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id >= :first AND object_id < :last
    ORDER BY object_id LIMIT :most"""
INSTRUMENTS = f"""SELECT {ITEM_COLUMNS} FROM items WHERE instrument_id >= :first AND instrument_id < :last
    ORDER BY instrument_id LIMIT :most"""
ACCOUNTS = """SELECT DISTINCT items.account FROM json_each(:states) AS asked CROSS JOIN items INDEXED BY items_work
    ON items.run = :run AND items.state = asked.value AND items.account >= :first AND items.account < :last
    LIMIT :most"""
AMOUNTS = f"""SELECT {ITEM_COLUMNS} FROM items WHERE id > :after AND amount IN (SELECT value FROM json_each(:minors))
    ORDER BY id DESC LIMIT :most"""
STATEMENTS = (
    TOUCHED, RECENT, PAGE, ON_ACCOUNT, ACCOUNT_SUMS, OF_PAYER, REFERENCES, PAYERS, OBJECTS, INSTRUMENTS, ACCOUNTS,
    AMOUNTS,
)  # fmt: skip
# All of them: a test asks SQLite how it would answer each.

Sums = list[tuple[StrEnum, str, str, str, int, int]]
# State, group, reason code, currency, how many items, and their money.


class SqliteOnlooker(Asking):
    """Reads of whoever looks on."""

    def _number(self, sql: str) -> int:
        return int(str(self._all(sql, ())[0][0]))

    def version(self) -> int:
        """Return a number that is another one after each commit by anybody else. (sqlite.org/pragma, data_version)"""
        return self._number("PRAGMA data_version")

    def latest(self) -> int:
        """Return the number of the last entry."""
        return self._number("SELECT ifnull(max(seq), 0) FROM entries")

    def touched(self, run_id: str, after: int) -> bool:
        """Tell whether an entry behind number ``after`` is of this run."""
        return bool(self._all(TOUCHED, (after, self._runs.row(run_id))))

    def recent(self, run_id: str, after: int, most: int) -> list[Entry]:
        """Return the last entries of a run's items behind number ``after``, the newest first.

        They are looked for among the last `ENTRY_WINDOW` entries of the ledger.
        """
        after = max(after, self.latest() - ENTRY_WINDOW)
        rows = self._all(RECENT, {"after": after, "run": self._runs.row(run_id), "most": most})
        return [entry_of(row, self._runs) for row in rows]

    def page(self, run_id: str, revision: int, after: int, most: int) -> list[tuple[int, ReportLine]]:
        """Return lines of a sheet behind position ``after``, each with its position and without its cells."""
        run = self._runs.row(run_id)
        asked = {"run": run, "revision": revision, "after": after, "most": most}
        found = []
        for position, line, reason, detail, *columns in self._all(PAGE, asked):
            item = item_of_row(tuple(columns), self._runs) if columns[0] is not None else None
            owned = item is not None and columns[1] == run
            found.append((int(str(position)), ReportLine(int(str(line)), (), item, owned, str(reason), str(detail))))
        return found

    def on_account(self, run_id: str, account: str, most: int) -> list[ItemRecord]:
        """Return items of a run on an account, in the order they were planned."""
        return self._items(ON_ACCOUNT, self._of_account(run_id, account) | {"most": most})

    def account_sums(self, run_id: str, account: str) -> Sums:
        """Add up the items of a run on an account."""
        life = self._runs.life(self._runs.row(run_id))
        rows = self._all(ACCOUNT_SUMS, self._of_account(run_id, account))
        return [(life.states(str(state)), *rest) for state, *rest in rows]  # type: ignore[misc]

    def _of_account(self, run_id: str, account: str) -> dict[str, object]:
        row = self._runs.row(run_id)
        return {"run": row, "account": account, "states": _listed(self._runs.life(row).states)}

    def of_payer(self, payer: str, most: int) -> list[ItemRecord]:
        """Return items of a customer over all runs, the newest first."""
        return self._items(OF_PAYER, {"payer": payer, "most": most})

    def beginning(self, text: str, most: int) -> list[ItemRecord]:
        """Return items whose reference, customer, object or instrument begins with a text: at most so many of each."""
        asked: dict[str, object] = {"first": text, "last": text + LAST, "most": most}
        found = self._items(OBJECTS, asked) + self._items(INSTRUMENTS, asked)
        for sql in (REFERENCES, PAYERS):
            rest = most
            for (scope,) in self._all("SELECT DISTINCT scope FROM runs ORDER BY scope DESC", ()):
                some = self._items(sql, asked | {"scope": scope, "most": rest})
                found, rest = found + some, rest - len(some)
                if rest <= 0:
                    break
        return found

    def accounts(self, text: str, runs: Iterable[tuple[str, Kind]], most: int) -> list[str]:
        """Return accounts of these runs that begin with a text."""
        found: dict[str, None] = {}
        for run_id, kind in runs:
            asked = {
                "run": self._runs.row(run_id), "states": _listed(LIVES[kind].states), "first": text,
                "last": text + LAST, "most": most,
            }  # fmt: skip
            found |= dict.fromkeys(str(account) for (account,) in self._all(ACCOUNTS, asked))
            if len(found) >= most:
                break
        return list(found)[:most]

    def amounts(self, minors: Sequence[int], most: int) -> list[ItemRecord]:
        """Return items of one of these amounts among the last `AMOUNT_WINDOW` of the ledger, the newest first."""
        after = self._number("SELECT ifnull(max(id), 0) FROM items") - AMOUNT_WINDOW
        return self._items(AMOUNTS, {"after": after, "minors": json.dumps(list(minors)), "most": most})


def _listed(states: Iterable[StrEnum]) -> str:
    return json.dumps(sorted(map(str, states)))
