"""The texts of all questions in SQLite: parameters only, an index under each."""

from collections.abc import Mapping

from billing.core.kinds import LIVES
from billing.edge.ledger.questions import Question
from billing.edge.ledger.rows import ENTRY_COLUMNS, ITEM_COLUMNS, RUN_COLUMNS
from billing.edge.ledger.sqlite.chain_reads import ENTRY
from billing.edge.ledger.sqlite.store import FIRST_OF_SCOPE

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns and of states

LATER = """SELECT 1 FROM items AS later WHERE later.scope = items.scope AND later.reference = items.reference
        AND later.generation = items.generation + 1"""
# The generation that replaced an item.
OF_SHEET = "SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL"
# The items that a sheet lists.
SCOPES = "(SELECT DISTINCT scope FROM runs)"
GROUP = "ifnull(json_extract(items.facts, '$.group'), '')"
REASON = "ifnull(json_extract(items.facts, '$.reason_code'), '')"
REPLACED = ", ".join(sorted({f"'{state}'" for life in LIVES.values() for state in life.reopens}))
# States that another generation may have followed, of whatever kind.

_LEDGER = {
    Question.META: "SELECT name, value FROM meta",
    Question.HEADS: "SELECT chain, seq, mac FROM entries ORDER BY seq DESC LIMIT 1",
    Question.SIZES: """SELECT (SELECT ifnull(max(seq), 0) FROM entries), (SELECT ifnull(max(id), 0) FROM items)""",
    Question.VERSION: "PRAGMA data_version",  # (sqlite.org/pragma, data_version)
    Question.LAST_ENTRY: "SELECT ifnull(max(seq), 0) FROM entries",
    Question.LAST_ITEM: "SELECT ifnull(max(id), 0) FROM items",
}

_RUNS = {
    Question.RUN: f"SELECT {RUN_COLUMNS} FROM runs WHERE run_id = :run_id",
    Question.RUNS: f"SELECT {RUN_COLUMNS} FROM runs ORDER BY id DESC",
    Question.RUN_ROWS: "SELECT id FROM runs ORDER BY id",
    Question.PLACE: "SELECT id, scope, revision FROM runs WHERE run_id = :run_id",
    Question.RUN_NAMES: "SELECT run_id, kind, mode, platform, period FROM runs WHERE id = :run",
    Question.HEADER: "SELECT header FROM runs WHERE id = :run",
    Question.SCOPES: "SELECT DISTINCT scope FROM runs ORDER BY scope DESC",
    Question.FIRST_OF_SCOPE: FIRST_OF_SCOPE,
}

_LISTED = f"""SELECT lines.line, lines.cells, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
    LEFT JOIN items ON items.id = lines.item WHERE lines.run = :run AND lines.revision = :revision
    ORDER BY {{first}}lines.position"""
_DROPPED = f"""SELECT lines.line, lines.cells, max(lines.revision), lines.detail, EXISTS ({LATER}), {ITEM_COLUMNS}
    FROM lines JOIN items ON items.id = lines.item AND items.run = lines.run
    WHERE lines.run = :run AND items.id NOT IN ({OF_SHEET}) GROUP BY items.id ORDER BY {{first}}items.id"""
_REPORTS = {
    Question.REPORT: _LISTED.format(first=""),
    Question.REPORT_BY_ACCOUNT: _LISTED.format(first="ifnull(items.account, ''), "),
    Question.DROPPED: _DROPPED.format(first=""),
    Question.DROPPED_BY_ACCOUNT: _DROPPED.format(first="items.account, "),
}

_OWN = "lines.item IS NOT NULL AND items.run = :run"
_SUMS = {
    Question.TALLY: f"""SELECT state, {GROUP}, {REASON}, currency, count(*), sum(amount)
        FROM items NOT INDEXED WHERE run = :run
        AND (state NOT IN ({REPLACED}) OR NOT EXISTS ({LATER}) OR id IN ({OF_SHEET}))
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
    Question.FOREIGN: """SELECT lines.reason, count(*) FROM lines LEFT JOIN items ON items.id = lines.item
        WHERE lines.run = :run AND lines.revision = :revision AND lines.reason <> '' AND items.run IS NOT :run
        GROUP BY 1 ORDER BY 1""",
    Question.SHEET: f"""SELECT ifnull(items.account, ''), iif({_OWN}, items.state, 'skipped'),
        iif({_OWN}, {GROUP}, ''), iif({_OWN}, {REASON}, lines.reason),
        ifnull(items.currency, ''), count(*), ifnull(sum(items.amount), 0)
        FROM lines LEFT JOIN items ON items.id = lines.item WHERE lines.run = :run AND lines.revision = :revision
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    Question.UNLISTED: f"""SELECT account, state, {GROUP}, {REASON}, currency, count(*), sum(amount)
        FROM items WHERE run = :run AND id NOT IN ({OF_SHEET}) AND NOT EXISTS ({LATER})
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    Question.ACCOUNT_SUMS: f"""SELECT items.state, {GROUP}, {REASON}, items.currency, count(*), sum(items.amount)
        FROM json_each(:states) AS asked CROSS JOIN items
        ON items.run = :run AND items.state = asked.value AND items.account = :account GROUP BY 1, 2, 3, 4""",
}

_AS_HELD = f"""items.reference, items.payer, items.account, items.amount, items.currency, items.state,
    {GROUP}, {REASON}"""
_HELD = f"SELECT {_AS_HELD} FROM items WHERE run = :run{{more}} AND NOT EXISTS ({LATER}) ORDER BY id"
_OF_RUNS = {
    Question.HELD: _HELD.format(more=""),
    Question.HELD_IN: _HELD.format(more=" AND state = :state"),
    Question.LISTED: f"""SELECT {_AS_HELD} FROM lines JOIN items ON items.id = lines.item
        WHERE lines.run = :run AND lines.revision = :revision ORDER BY lines.position""",
    Question.STANDING: f"""SELECT items.id, items.state, items.id IN ({OF_SHEET})
        FROM items WHERE items.run = :run AND NOT EXISTS ({LATER}) ORDER BY items.id""",
    Question.WORKLOAD: """SELECT account, count(*) FROM items WHERE run = :run AND state = :state
        GROUP BY account ORDER BY min(id)""",
    # Each state has its own place in the index, and its own limit.
    Question.WORK: f"""SELECT {ITEM_COLUMNS} FROM json_each(:states) AS asked CROSS JOIN items ON items.id IN
        (SELECT one.id FROM items AS one WHERE one.run = :run AND one.state = asked.value
            AND one.account = :account AND one.id > :after ORDER BY one.id LIMIT :most)
        ORDER BY items.id LIMIT :most""",
    # The entries of an item are found by its number: an index over the names of all entries would cost every write.
    Question.ARRIVED: """SELECT items.account, items.currency, ifnull(items.object_id, ''), came.at,
            ifnull(json_extract(items.facts, '$.first_try'), '')
        FROM items CROSS JOIN entries AS came ON came.item = items.id AND came.name = items.last_event
        CROSS JOIN entries AS before ON before.item = items.id AND before.ver = came.ver - 1
        WHERE items.run = :run AND items.last_event = :event AND came.at >= :since AND before.name <> :unless""",
    Question.SETTLING: f"""SELECT way.at, ended.at, ended.name, back.at, {ITEM_COLUMNS} FROM items
        CROSS JOIN entries AS way ON way.item = items.id AND way.name IN (SELECT value FROM json_each(:begins))
        LEFT JOIN entries AS ended ON ended.item = items.id AND ended.ver =
            (SELECT min(ver) FROM entries AS later WHERE later.item = items.id AND later.ver > way.ver
                AND later.name IN (SELECT value FROM json_each(:ends)))
        LEFT JOIN entries AS back ON back.item = items.id AND back.ver =
            (SELECT min(ver) FROM entries AS later WHERE later.item = items.id AND later.ver > ended.ver
                AND later.name IN (SELECT value FROM json_each(:back)))
        WHERE items.run = :run AND (items.id IN ({OF_SHEET}))""",
    Question.ACCOUNTS_BEGUN: """SELECT value FROM json_each(:accounts) AS asked WHERE EXISTS
        (SELECT 1 FROM runs CROSS JOIN json_each(:states) AS begun
            CROSS JOIN items ON items.run = runs.id AND items.state = begun.value AND items.account = asked.value)""",
}

_ITEMS = {
    Question.ITEM: f"SELECT {ITEM_COLUMNS} FROM items WHERE id = :item",
    Question.OBLIGATIONS: f"""SELECT {ITEM_COLUMNS} FROM json_each(:references) AS asked CROSS JOIN items
        ON items.scope = :scope AND items.reference = asked.value ORDER BY items.generation""",
    Question.ON_RECORD: """SELECT object_id, run, state FROM json_each(:objects) AS asked
        CROSS JOIN items ON items.object_id = asked.value""",
    Question.BY_OBJECT: f"""SELECT {ITEM_COLUMNS} FROM json_each(:objects) AS asked
        CROSS JOIN items ON items.object_id = asked.value""",
    Question.IDS: """SELECT items.id, items.run, reference, generation FROM items
        CROSS JOIN runs ON runs.id = items.run WHERE kind = :kind AND items.id > :after ORDER BY items.id""",
    Question.OF_KIND: f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
        (SELECT id FROM runs WHERE platform = :platform AND mode = :mode AND kind = :kind)
        AND state IN (SELECT value FROM json_each(:states)) ORDER BY id""",
}

_JOINED = f"SELECT {ENTRY_COLUMNS} FROM entries LEFT JOIN items ON items.id = entries.item"
_ENTRIES = {
    Question.ENTRIES: f"""{_JOINED} WHERE entries.seq > :after AND (:run IS NULL OR entries.run = :run)
        ORDER BY entries.seq""",
    Question.ENTRIES_OF_ITEMS: f"""{_JOINED} WHERE entries.item IN
        (SELECT id FROM items WHERE scope IN (SELECT scope FROM runs) AND reference = :reference
            AND (:run IS NULL OR run = :run)) AND entries.seq > :after ORDER BY entries.seq""",
    Question.RUN_ENTRIES: f"{_JOINED} WHERE entries.run = :run AND entries.item IS NULL ORDER BY entries.seq",
    Question.ENTRY_COUNTS: "SELECT name, count(*) FROM entries WHERE run = :run GROUP BY name ORDER BY name",
    Question.LATEST_STOP: """SELECT facts FROM entries WHERE run = :run AND item IS NULL AND name = :name
        ORDER BY seq DESC LIMIT 1""",
}

_LOOKUPS = {
    Question.LOOKUPS: """SELECT lookups.name, at, facts, mac FROM json_each(:names) AS asked CROSS JOIN lookups
        ON lookups.kind = :kind AND lookups.name = asked.value AND at >= :since""",
    Question.KEPT: """SELECT name, at, facts, mac FROM lookups
        WHERE kind = :kind AND name >= :first AND name < :last ORDER BY name""",
    Question.ABOUT: """SELECT name, at, facts, mac FROM lookups WHERE kind = :kind
        AND lookups.name >= :first AND lookups.name < :last
        AND json_extract(facts, '$.' || :name) = :value ORDER BY name""",
}

_LOOKING_ON = {
    Question.TOUCHED: "SELECT 1 FROM entries WHERE seq > :after AND run = :run LIMIT 1",
    Question.RECENT: f"""SELECT {ENTRY_COLUMNS} FROM entries CROSS JOIN items ON items.id = entries.item
        WHERE entries.seq > :after AND entries.run = :run ORDER BY entries.seq DESC LIMIT :most""",
    Question.PAGE: f"""SELECT lines.position, lines.line, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
        LEFT JOIN items ON items.id = lines.item
        WHERE lines.run = :run AND lines.revision = :revision AND lines.position > :after
        ORDER BY lines.position LIMIT :most""",
    Question.ON_ACCOUNT: f"""SELECT {ITEM_COLUMNS} FROM json_each(:states) AS asked CROSS JOIN items
        ON items.run = :run AND items.state = asked.value AND items.account = :account
        ORDER BY items.id LIMIT :most""",
    Question.OF_PAYER: f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope IN {SCOPES} AND payer = :payer
        ORDER BY id DESC LIMIT :most""",
    Question.REFERENCES: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE scope = :scope AND reference >= :first AND reference < :last
        ORDER BY reference, generation LIMIT :most""",
    Question.PAYERS: f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope = :scope AND payer >= :first AND payer < :last
        ORDER BY payer LIMIT :most""",
    Question.OBJECTS: f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id >= :first AND object_id < :last
        ORDER BY object_id LIMIT :most""",
    Question.INSTRUMENTS: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE instrument_id >= :first AND instrument_id < :last ORDER BY instrument_id LIMIT :most""",
    Question.ACCOUNTS: """SELECT DISTINCT items.account FROM json_each(:states) AS asked
        CROSS JOIN items INDEXED BY items_work ON items.run = :run AND items.state = asked.value
        AND items.account >= :first AND items.account < :last LIMIT :most""",
    Question.AMOUNTS: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE id > :after AND amount IN (SELECT value FROM json_each(:minors)) ORDER BY id DESC LIMIT :most""",
}

_ABOUT_ONE = {
    Question.CALLED: f"SELECT {ITEM_COLUMNS} FROM items WHERE scope IN {SCOPES} AND reference = :reference ORDER BY id",
    Question.HOLDING: f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id = :object
        UNION SELECT {ITEM_COLUMNS} FROM items WHERE instrument_id = :object ORDER BY 1""",
    Question.LINE: """SELECT lines.line, lines.revision = runs.revision FROM items
        CROSS JOIN runs ON runs.id = items.run CROSS JOIN lines ON lines.run = runs.id AND lines.item = items.id
        WHERE items.id = :item ORDER BY lines.revision DESC LIMIT 1""",
    Question.NAMING: """SELECT runs.run_id, lines.line, lines.reason, lines.detail, lines.item FROM runs
        CROSS JOIN lines ON lines.run = runs.id AND lines.revision = runs.revision AND lines.reason <> ''
        WHERE lines.item IN (SELECT value FROM json_each(:items)) OR (lines.item IS NULL
            AND EXISTS (SELECT 1 FROM json_each(lines.cells) WHERE value = :reference))
        ORDER BY runs.id, lines.position""",
    Question.UNDOING: f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
        (SELECT id FROM runs WHERE platform = :platform AND mode = :mode AND kind = :kind)
        AND json_extract(content, '$.' || :name) = :object ORDER BY id""",
    Question.NOTE: f"""{_JOINED} WHERE entries.seq > :after AND entries.seq < :before AND entries.item IS NULL
        AND entries.run = :run AND entries.name IN (SELECT value FROM json_each(:names))
        ORDER BY entries.seq DESC LIMIT 1""",
    Question.BEFORE: """SELECT DISTINCT reference FROM items WHERE scope = :scope AND reference < :reference
        ORDER BY reference DESC LIMIT :most""",
    Question.AFTER: """SELECT DISTINCT reference FROM items WHERE scope = :scope AND reference >= :reference
        ORDER BY reference LIMIT :most""",
    Question.FIRST: "SELECT DISTINCT reference FROM items WHERE scope = :scope ORDER BY reference LIMIT :most",
}

_CHECKED = {
    Question.EVERY_ENTRY: f"SELECT {ENTRY} FROM entries ORDER BY seq",
    Question.MAC_OF_ENTRY: "SELECT mac FROM entries WHERE seq = :number",
    Question.UPGRADES: "SELECT seq, facts FROM entries WHERE name = :name ORDER BY seq",
    Question.EVERY_RUN: f"SELECT id, scope, {RUN_COLUMNS} FROM runs ORDER BY id",
    Question.LINES_OF: """SELECT position, line, cells, item, reason, detail FROM lines
        WHERE run = :run AND revision = :revision ORDER BY position""",
    Question.STRAY_LINES: """SELECT DISTINCT run, revision FROM lines EXCEPT SELECT DISTINCT run, revision FROM lines
        WHERE revision BETWEEN 1 AND (SELECT revision FROM runs WHERE id = lines.run)""",
    Question.ITEMS_BEHIND: """SELECT id, run, reference, generation, account, payer, amount, currency, digest, content,
        state, attempt, ver, object_id, instrument_id, facts, last_event, scope, due
        FROM items WHERE id > :after ORDER BY id LIMIT :most""",
    Question.AS_PLANNED: """SELECT e.seq, e.at, e.name, e.run, e.item, e.ver, e.chain, e.attempt, e.facts,
        e.mac,
        (SELECT before.mac FROM entries AS before WHERE before.seq < e.seq AND before.chain = e.chain
            ORDER BY before.seq DESC LIMIT 1),
        items.id, items.run, items.scope, items.reference, items.generation, items.account, items.payer, items.amount,
        items.currency, items.digest, items.content
        FROM json_each(:items) AS asked CROSS JOIN items ON items.id = asked.value
        JOIN entries AS e ON e.item = items.id AND e.ver = 0""",
    Question.ENTRIES_BETWEEN: """SELECT item, run, name, attempt, facts, seq, ver FROM entries INDEXED BY entries_item
        WHERE item > :after AND item <= :last ORDER BY item, ver""",
    Question.EVERY_LOOKUP: "SELECT kind, name, at, facts, mac FROM lookups",
}

QUESTIONS: Mapping[Question, str] = (
    _LEDGER | _RUNS | _REPORTS | _SUMS | _OF_RUNS | _ITEMS | _ENTRIES | _LOOKUPS | _LOOKING_ON | _ABOUT_ONE | _CHECKED
)
