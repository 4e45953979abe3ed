"""The texts of all questions in PostgreSQL: parameters only, an index under each where its table is large.

A condition that may be met by much of a table is a join, never a list that is searched: how long a list the server
keeps in memory is not ours to say. What is wanted first of many is asked of each place of an index in turn.
"""

from collections.abc import Mapping

from billing.core.kinds import LIVES
from billing.edge.ledger.postgres.names import NUMBERING, NUMBERS
from billing.edge.ledger.questions import Question
from billing.edge.ledger.rows import ENTRY_COLUMNS, ITEM_COLUMNS, RUN_COLUMNS

# ruff: noqa: S608 - the only texts put into these statements are constant lists of columns and of states


def _any(name: str, kind: str = "text") -> str:
    """Return the values of a list, as the right side of a comparison."""
    return f"ANY (ARRAY(SELECT value::{kind} FROM json_array_elements_text(%({name})s::json) AS value))"


def _each(name: str) -> str:
    """Return the values of a list as rows, ``asked.value``."""
    return f"json_array_elements_text(%({name})s::json) AS asked (value)"


SETTLED = f"""SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM {NUMBERS};
    SELECT min((classid::bigint << 32 | objid::bigint) - {NUMBERING}) FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 8 = {NUMBERING >> 40}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
# The last number that was taken; then the one behind which those take theirs who are writing now, or NULL. In this
# order: whoever begins to write between the two takes numbers behind the first.
SCOPES = "ANY (ARRAY(SELECT DISTINCT scope FROM runs))"
LATER = """SELECT FROM items AS later WHERE later.scope = items.scope AND later.reference = items.reference
        AND later.generation = items.generation + 1"""
# The generation that replaced an item.
OF_SHEET = """SELECT FROM lines AS listed WHERE listed.run = %(run)s AND listed.revision = %(revision)s
        AND listed.item = items.id"""
# A line of a sheet that lists an item.
GROUP = "coalesce(fact(items.facts, 'group'), '')"
REASON = "coalesce(fact(items.facts, 'reason_code'), '')"
REPLACED = ", ".join(sorted({f"'{state}'" for life in LIVES.values() for state in life.reopens}))
# States that another generation may have followed, of whatever kind.

_LEDGER = {
    Question.META: "SELECT name, value FROM meta",
    Question.HEADS: "SELECT chain, seq, mac FROM chains WHERE seq > 0 ORDER BY chain",
    Question.SIZES: "SELECT (SELECT count(*) FROM entries), (SELECT coalesce(max(id), 0) FROM items)",
    # Every commit that writes an entry moves the chain of its writer on, and numbers are taken only once.
    Question.VERSION: "SELECT coalesce(sum(seq), 0)::bigint FROM chains",
    Question.LAST_ENTRY: "SELECT least(coalesce(max(seq), 0), %(settled)s) FROM entries",
    Question.LAST_ITEM: "SELECT coalesce(max(id), 0) FROM items",
}

_RUNS = {
    Question.RUN: f"SELECT {RUN_COLUMNS} FROM runs WHERE run_id = %(run_id)s",
    Question.RUNS: f"SELECT {RUN_COLUMNS} FROM runs ORDER BY id DESC",
    Question.RUN_ROWS: "SELECT id FROM runs ORDER BY id",
    Question.PLACE: "SELECT id, scope, revision FROM runs WHERE run_id = %(run_id)s",
    Question.RUN_NAMES: "SELECT run_id, kind, mode, platform, period FROM runs WHERE id = %(run)s",
    Question.HEADER: "SELECT header FROM runs WHERE id = %(run)s",
    Question.SCOPES: "SELECT DISTINCT scope FROM runs ORDER BY scope DESC",
    Question.FIRST_OF_SCOPE: """SELECT min(id) FROM runs WHERE platform = %(platform)s AND mode = %(mode)s
        AND kind = %(kind)s AND (%(always)s OR period = %(period)s)""",
}

_LISTED = f"""SELECT lines.line, lines.cells, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
    LEFT JOIN items ON items.id = lines.item WHERE lines.run = %(run)s AND lines.revision = %(revision)s
    ORDER BY {{first}}lines.position"""
_DROPPED = f"""SELECT * FROM (SELECT DISTINCT ON (items.id) lines.line, lines.cells, lines.revision, lines.detail,
        EXISTS ({LATER}) AS replaced, {ITEM_COLUMNS}
        FROM lines JOIN items ON items.id = lines.item AND items.run = lines.run
        WHERE lines.run = %(run)s AND NOT EXISTS ({OF_SHEET})
        ORDER BY items.id, lines.revision DESC, lines.position) AS dropped ORDER BY {{first}}id"""
_REPORTS = {
    Question.REPORT: _LISTED.format(first=""),
    Question.REPORT_BY_ACCOUNT: _LISTED.format(first="coalesce(items.account, ''), "),
    Question.DROPPED: _DROPPED.format(first=""),
    Question.DROPPED_BY_ACCOUNT: _DROPPED.format(first="account, "),
}

_COUNTED = "count(*), coalesce(sum(amount), 0)::bigint"
_OWN = "lines.item IS NOT NULL AND items.run = %(run)s"
_OF_TALLY = f"SELECT state, {GROUP}, {REASON}, currency, amount FROM items WHERE run = %(run)s AND state"
_SUMS = {
    Question.TALLY: f"""SELECT state, grouped, reason, currency, {_COUNTED} FROM (
        {_OF_TALLY} NOT IN ({REPLACED})
        UNION ALL {_OF_TALLY} IN ({REPLACED}) AND NOT EXISTS ({LATER})
        UNION ALL {_OF_TALLY} IN ({REPLACED}) AND EXISTS ({LATER}) AND EXISTS ({OF_SHEET})
        ) AS counted (state, grouped, reason, currency, amount) GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
    Question.FOREIGN: """SELECT lines.reason, count(*) FROM lines LEFT JOIN items ON items.id = lines.item
        WHERE lines.run = %(run)s AND lines.revision = %(revision)s AND lines.reason <> ''
        AND items.run IS DISTINCT FROM %(run)s GROUP BY 1 ORDER BY 1""",
    Question.SHEET: f"""SELECT coalesce(items.account, ''), CASE WHEN {_OWN} THEN items.state ELSE 'skipped' END,
        CASE WHEN {_OWN} THEN {GROUP} ELSE '' END, CASE WHEN {_OWN} THEN {REASON} ELSE lines.reason END,
        coalesce(items.currency, ''), {_COUNTED} FROM lines LEFT JOIN items ON items.id = lines.item
        WHERE lines.run = %(run)s AND lines.revision = %(revision)s
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    Question.UNLISTED: f"""SELECT account, state, {GROUP}, {REASON}, currency, {_COUNTED} FROM items
        WHERE run = %(run)s AND NOT EXISTS ({OF_SHEET}) AND NOT EXISTS ({LATER})
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5""",
    Question.ACCOUNT_SUMS: f"""SELECT state, {GROUP}, {REASON}, currency, {_COUNTED} FROM items
        WHERE run = %(run)s AND state = {_any("states")} AND account = %(account)s
        GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
}

_AS_HELD = f"""items.reference, items.payer, items.account, items.amount, items.currency, items.state,
    {GROUP}, {REASON}"""
_HELD = f"SELECT {_AS_HELD} FROM items WHERE run = %(run)s{{more}} AND NOT EXISTS ({LATER}) ORDER BY id"
_OF_STATES = f"""SELECT found.* FROM {_each("states")} CROSS JOIN LATERAL
    (SELECT {ITEM_COLUMNS} FROM items WHERE run = %(run)s AND state = asked.value AND account = %(account)s{{more}}
        ORDER BY id LIMIT %(most)s) AS found ORDER BY found.id LIMIT %(most)s"""
_OF_RUNS = {
    Question.HELD: _HELD.format(more=""),
    Question.HELD_IN: _HELD.format(more=" AND state = %(state)s"),
    Question.LISTED: f"""SELECT {_AS_HELD} FROM lines JOIN items ON items.id = lines.item
        WHERE lines.run = %(run)s AND lines.revision = %(revision)s ORDER BY lines.position""",
    Question.STANDING: f"""SELECT items.id, items.state, listed.item IS NOT NULL FROM items LEFT JOIN
        (SELECT DISTINCT item FROM lines WHERE run = %(run)s AND revision = %(revision)s) AS listed
        ON listed.item = items.id WHERE items.run = %(run)s AND NOT EXISTS ({LATER}) ORDER BY items.id""",
    Question.WORKLOAD: """SELECT account, count(*) FROM items WHERE run = %(run)s AND state = %(state)s
        GROUP BY account ORDER BY min(id)""",
    # Each state has its own place in the index, and its own limit.
    Question.WORK: _OF_STATES.format(more=" AND id > %(after)s"),
    Question.ON_ACCOUNT: _OF_STATES.format(more=""),
    # The entries of an item are found by its number: an index over the names of all entries would cost every write.
    Question.ARRIVED: """SELECT items.account, items.currency, coalesce(items.object_id, ''), came.at,
            coalesce(fact(items.facts, 'first_try'), '')
        FROM items JOIN entries AS came ON came.item = items.id AND came.name = items.last_event
        JOIN entries AS before ON before.item = items.id AND before.ver = came.ver - 1
        WHERE items.run = %(run)s AND items.last_event = %(event)s AND came.at >= %(since)s
        AND before.name <> %(unless)s""",
    Question.SETTLING: f"""SELECT way.at, ended.at, ended.name, back.at, {ITEM_COLUMNS} FROM items
        JOIN entries AS way ON way.item = items.id AND way.name = {_any("begins")}
        LEFT JOIN LATERAL (SELECT at, name, ver FROM entries AS later WHERE later.item = items.id
            AND later.ver > way.ver AND later.name = {_any("ends")} ORDER BY ver LIMIT 1) AS ended ON true
        LEFT JOIN LATERAL (SELECT at FROM entries AS later WHERE later.item = items.id
            AND later.ver > ended.ver AND later.name = {_any("back")} ORDER BY ver LIMIT 1) AS back ON true
        WHERE items.run = %(run)s AND EXISTS ({OF_SHEET})""",
    Question.ACCOUNTS_BEGUN: f"""SELECT asked.value FROM {_each("accounts")} CROSS JOIN LATERAL
        (SELECT FROM items WHERE run = ANY (ARRAY(SELECT id FROM runs)) AND state = {_any("states")}
            AND account = asked.value LIMIT 1) AS begun""",
}

_ITEMS = {
    Question.ITEM: f"SELECT {ITEM_COLUMNS} FROM items WHERE id = %(item)s",
    Question.OBLIGATIONS: f"""SELECT {ITEM_COLUMNS} FROM {_each("references")} JOIN items
        ON items.scope = %(scope)s AND items.reference = asked.value ORDER BY items.generation""",
    Question.ON_RECORD: f"SELECT object_id, run, state FROM items WHERE object_id = {_any('objects')}",
    Question.BY_OBJECT: f"SELECT {ITEM_COLUMNS} FROM items WHERE object_id = {_any('objects')}",
    Question.IDS: """SELECT items.id, items.run, reference, generation FROM items JOIN runs ON runs.id = items.run
        WHERE kind = %(kind)s AND items.id > %(after)s ORDER BY items.id""",
    Question.OF_KIND: f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
        (SELECT id FROM runs WHERE platform = %(platform)s AND mode = %(mode)s AND kind = %(kind)s)
        AND state = {_any("states")} ORDER BY id""",
}

_JOINED = f"SELECT {ENTRY_COLUMNS} FROM entries LEFT JOIN items ON items.id = entries.item"
_OF_RUN = "(%(run)s::bigint IS NULL OR {column} = %(run)s::bigint)"
_ENTRIES = {
    Question.ENTRIES: f"""{_JOINED} WHERE entries.seq > %(after)s AND {_OF_RUN.format(column="entries.run")}
        ORDER BY entries.seq""",
    Question.ENTRIES_OF_ITEMS: f"""{_JOINED} WHERE entries.item IN
        (SELECT id FROM items WHERE scope = {SCOPES} AND reference = %(reference)s
            AND {_OF_RUN.format(column="run")}) AND entries.seq > %(after)s ORDER BY entries.seq""",
    Question.RUN_ENTRIES: f"{_JOINED} WHERE entries.run = %(run)s AND entries.item IS NULL ORDER BY entries.seq",
    Question.ENTRY_COUNTS: "SELECT name, count(*) FROM entries WHERE run = %(run)s GROUP BY name ORDER BY name",
    Question.LATEST_STOP: """SELECT facts FROM entries WHERE run = %(run)s AND item IS NULL AND name = %(name)s
        ORDER BY seq DESC LIMIT 1""",
}

_LOOKUPS = {
    Question.LOOKUPS: f"""SELECT name, at, facts, mac FROM lookups
        WHERE kind = %(kind)s AND name = {_any("names")} AND at >= %(since)s""",
    Question.KEPT: """SELECT name, at, facts, mac FROM lookups
        WHERE kind = %(kind)s AND name >= %(first)s AND name < %(last)s ORDER BY name""",
    Question.ABOUT: """SELECT name, at, facts, mac FROM lookups WHERE kind = %(kind)s
        AND lookups.name >= %(first)s AND lookups.name < %(last)s AND fact(facts, %(name)s) = %(value)s
        ORDER BY name""",
}

_LOOKING_ON = {
    Question.TOUCHED: "SELECT 1 FROM entries WHERE seq > %(after)s AND run = %(run)s ORDER BY seq DESC LIMIT 1",
    Question.RECENT: f"""SELECT {ENTRY_COLUMNS} FROM entries JOIN items ON items.id = entries.item
        WHERE entries.seq > %(after)s AND entries.run = %(run)s ORDER BY entries.seq DESC LIMIT %(most)s""",
    Question.PAGE: f"""SELECT lines.position, lines.line, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
        LEFT JOIN items ON items.id = lines.item
        WHERE lines.run = %(run)s AND lines.revision = %(revision)s AND lines.position > %(after)s
        ORDER BY lines.position LIMIT %(most)s""",
    # A customer has few items; in the order of all items these would be looked for among all.
    Question.OF_PAYER: f"""WITH found AS MATERIALIZED
        (SELECT {ITEM_COLUMNS} FROM items WHERE scope = {SCOPES} AND payer = %(payer)s)
        SELECT * FROM found ORDER BY id DESC LIMIT %(most)s""",
    Question.REFERENCES: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE scope = %(scope)s AND reference >= %(first)s AND reference < %(last)s
        ORDER BY reference, generation LIMIT %(most)s""",
    Question.PAYERS: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE scope = %(scope)s AND payer >= %(first)s AND payer < %(last)s ORDER BY payer LIMIT %(most)s""",
    Question.OBJECTS: f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id >= %(first)s AND object_id < %(last)s
        ORDER BY object_id LIMIT %(most)s""",
    Question.INSTRUMENTS: f"""SELECT {ITEM_COLUMNS} FROM items
        WHERE instrument_id >= %(first)s AND instrument_id < %(last)s ORDER BY instrument_id LIMIT %(most)s""",
    # From account to account, however many items each has.
    Question.ACCOUNTS: f"""SELECT DISTINCT found.account FROM {_each("states")} CROSS JOIN LATERAL
        (WITH RECURSIVE steps (account, step) AS (
            (SELECT account, 1 FROM items WHERE run = %(run)s AND state = asked.value
                AND account >= %(first)s AND account < %(last)s ORDER BY account LIMIT 1)
            UNION ALL SELECT next.account, step + 1 FROM steps CROSS JOIN LATERAL
                (SELECT account FROM items WHERE run = %(run)s AND state = asked.value
                    AND items.account > steps.account AND items.account < %(last)s ORDER BY account LIMIT 1) AS next
                WHERE step < %(most)s)
        SELECT account FROM steps) AS found LIMIT %(most)s""",
    Question.AMOUNTS: f"""SELECT {ITEM_COLUMNS} FROM items WHERE id > %(after)s AND amount = {_any("minors", "bigint")}
        ORDER BY id DESC LIMIT %(most)s""",
}

# Cells as a list that this database reads; see the function `fact`.
_CELLS = """json_array_elements_text(fact('{"all":' || lines.cells || '}', 'all')::json)"""
_ABOUT_ONE = {
    Question.CALLED: f"""SELECT {ITEM_COLUMNS} FROM items WHERE scope = {SCOPES} AND reference = %(reference)s
        ORDER BY id""",
    Question.HOLDING: f"""SELECT {ITEM_COLUMNS} FROM items WHERE object_id = %(object)s
        UNION SELECT {ITEM_COLUMNS} FROM items WHERE instrument_id = %(object)s ORDER BY 1""",
    Question.LINE: """SELECT lines.line, lines.revision = runs.revision FROM items
        JOIN runs ON runs.id = items.run JOIN lines ON lines.run = runs.id AND lines.item = items.id
        WHERE items.id = %(item)s ORDER BY lines.revision DESC LIMIT 1""",
    Question.NAMING: f"""SELECT runs.run_id, lines.line, lines.reason, lines.detail, lines.item FROM runs
        JOIN lines ON lines.run = runs.id AND lines.revision = runs.revision AND lines.reason <> ''
        WHERE lines.item = {_any("items", "bigint")} OR (lines.item IS NULL
            AND EXISTS (SELECT FROM {_CELLS} AS value WHERE value = %(reference)s))
        ORDER BY runs.id, lines.position""",
    Question.UNDOING: f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
        (SELECT id FROM runs WHERE platform = %(platform)s AND mode = %(mode)s AND kind = %(kind)s)
        AND fact(content, %(name)s) = %(object)s ORDER BY id""",
    Question.NOTE: f"""{_JOINED} WHERE entries.seq > %(after)s AND entries.seq < %(before)s AND entries.item IS NULL
        AND entries.run = %(run)s AND entries.name = {_any("names")} ORDER BY entries.seq DESC LIMIT 1""",
    Question.BEFORE: """SELECT DISTINCT reference FROM items WHERE scope = %(scope)s AND reference < %(reference)s
        ORDER BY reference DESC LIMIT %(most)s""",
    Question.AFTER: """SELECT DISTINCT reference FROM items WHERE scope = %(scope)s AND reference >= %(reference)s
        ORDER BY reference LIMIT %(most)s""",
    Question.FIRST: "SELECT DISTINCT reference FROM items WHERE scope = %(scope)s ORDER BY reference LIMIT %(most)s",
}

_CHECKED = {
    Question.EVERY_ENTRY: """SELECT seq, at, name, run, item, ver, chain, attempt, facts, mac FROM entries
        ORDER BY seq""",
    Question.MAC_OF_ENTRY: "SELECT mac FROM entries WHERE seq = %(number)s",
    Question.UPGRADES: "SELECT seq, facts FROM entries WHERE run IS NULL AND name = %(name)s ORDER BY seq",
    Question.EVERY_RUN: f"SELECT id, scope, {RUN_COLUMNS} FROM runs ORDER BY id",
    Question.LINES_OF: """SELECT position, line, cells, item, reason, detail FROM lines
        WHERE run = %(run)s AND revision = %(revision)s ORDER BY position""",
    Question.STRAY_LINES: """SELECT DISTINCT lines.run, lines.revision FROM lines LEFT JOIN runs ON runs.id = lines.run
        WHERE runs.id IS NULL OR lines.revision NOT BETWEEN 1 AND runs.revision""",
    Question.ITEMS_BEHIND: """SELECT id, run, reference, generation, account, payer, amount, currency, digest, content,
        state, attempt, ver, object_id, instrument_id, facts, last_event, scope, due
        FROM items WHERE id > %(after)s ORDER BY id LIMIT %(most)s""",
    Question.AS_PLANNED: """SELECT e.seq, e.at, e.name, e.run, e.item, e.ver, e.chain, e.attempt, e.facts,
        e.mac,
        (SELECT before.mac FROM entries AS before WHERE before.seq < e.seq AND before.chain = e.chain
            ORDER BY before.seq DESC LIMIT 1),
        items.id, items.run, items.scope, items.reference, items.generation, items.account, items.payer, items.amount,
        items.currency, items.digest, items.content
        FROM items JOIN entries AS e ON e.item = items.id AND e.ver = 0
        WHERE items.id = ANY (ARRAY(SELECT json_array_elements_text(%(items)s::json)::bigint))""",
    Question.ENTRIES_BETWEEN: """SELECT item, run, name, attempt, facts, seq, ver FROM entries
        WHERE item > %(after)s AND item <= %(last)s ORDER BY item, ver""",
    Question.EVERY_LOOKUP: "SELECT kind, name, at, facts, mac FROM lookups",
}

QUESTIONS: Mapping[Question, str] = (
    _LEDGER | _RUNS | _REPORTS | _SUMS | _OF_RUNS | _ITEMS | _ENTRIES | _LOOKUPS | _LOOKING_ON | _ABOUT_ONE | _CHECKED
)
