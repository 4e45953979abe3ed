"""The statements behind the questions to an embedded ledger: parameters only, an index under each."""

from functools import lru_cache

from billing.core.kinds import LIVES
from billing.edge.ledger.rows import ENTRY_COLUMNS, ITEM_COLUMNS

# ruff: noqa: S608 - the only texts put into these statements are the constant lists of columns above

REPORT = f"""SELECT lines.line, lines.cells, lines.reason, lines.detail, {ITEM_COLUMNS} FROM lines
    LEFT JOIN items ON items.id = lines.item WHERE lines.run = ? AND lines.revision = ? ORDER BY lines.position"""
DROPPED = f"""SELECT lines.line, lines.cells, max(lines.revision), lines.detail,
    EXISTS (SELECT 1 FROM items AS later WHERE later.scope = items.scope AND later.reference = items.reference
        AND later.generation = items.generation + 1), {ITEM_COLUMNS} FROM lines
    JOIN items ON items.id = lines.item AND items.run = lines.run
    WHERE lines.run = :run AND items.id NOT IN
        (SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL)
    GROUP BY items.id ORDER BY items.id"""
REPORT_BY_ACCOUNT = REPORT.replace("ORDER BY ", "ORDER BY ifnull(items.account, ''), ")
DROPPED_BY_ACCOUNT = DROPPED.replace("ORDER BY ", "ORDER BY items.account, ")
REPLACED = ", ".join(sorted({f"'{state}'" for life in LIVES.values() for state in life.reopens}))
# States that another generation may have followed, of whatever kind.
TALLY = f"""SELECT state, ifnull(json_extract(facts, '$.group'), ''), ifnull(json_extract(facts, '$.reason_code'), ''),
    currency, count(*), sum(amount)
    FROM items NOT INDEXED WHERE run = :run AND (state NOT IN ({REPLACED})
        OR NOT EXISTS (SELECT 1 FROM items AS later WHERE later.scope = items.scope
            AND later.reference = items.reference AND later.generation = items.generation + 1)
        OR id IN (SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL))
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"""
FOREIGN = """SELECT lines.reason, count(*) FROM lines LEFT JOIN items ON items.id = lines.item
    WHERE lines.run = :run AND lines.revision = :revision AND lines.reason <> '' AND items.run IS NOT :run
    GROUP BY 1 ORDER BY 1"""
OWN = "lines.item IS NOT NULL AND items.run = :run"
SHEET = f"""SELECT ifnull(items.account, ''), iif({OWN}, items.state, 'skipped'),
    iif({OWN}, ifnull(json_extract(items.facts, '$.group'), ''), ''),
    iif({OWN}, ifnull(json_extract(items.facts, '$.reason_code'), ''), lines.reason),
    ifnull(items.currency, ''), count(*), ifnull(sum(items.amount), 0)
    FROM lines LEFT JOIN items ON items.id = lines.item WHERE lines.run = :run AND lines.revision = :revision
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""
UNLISTED = """SELECT account, state, ifnull(json_extract(facts, '$.group'), ''),
    ifnull(json_extract(facts, '$.reason_code'), ''), currency, count(*), sum(amount)
    FROM items WHERE run = :run AND id NOT IN
        (SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM items AS later WHERE later.scope = items.scope AND later.reference = items.reference
        AND later.generation = items.generation + 1)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"""
OBLIGATIONS = f"""SELECT {ITEM_COLUMNS} FROM json_each(?) AS asked CROSS JOIN items
    ON items.scope = ? AND items.reference = asked.value ORDER BY items.generation"""
BY_OBJECT = f"""SELECT {ITEM_COLUMNS} FROM json_each(?) AS asked
    CROSS JOIN items ON items.object_id = asked.value"""
IDS = """SELECT items.id, items.run, reference, generation FROM items CROSS JOIN runs ON runs.id = items.run
    WHERE kind = ? AND items.id > ? ORDER BY items.id"""
OF_KIND = f"""SELECT {ITEM_COLUMNS} FROM items WHERE run IN
    (SELECT id FROM runs WHERE platform = ? AND mode = ? AND kind = ?) AND state IN (SELECT value FROM json_each(?))
    ORDER BY id"""
WORK = f"""SELECT * FROM (SELECT {ITEM_COLUMNS} FROM items
    WHERE run = ? AND state = ? AND account = ? AND id > ? ORDER BY id LIMIT ?)"""
ARRIVED = """SELECT items.account, items.currency, ifnull(items.object_id, ''), came.at,
        ifnull(json_extract(items.facts, '$.first_try'), '')
    FROM items CROSS JOIN entries AS came ON came.item = items.id AND came.name = items.last_event
    CROSS JOIN entries AS before ON before.item = items.id AND before.ver = came.ver - 1
    WHERE items.run = :run AND items.last_event = :event AND came.at >= :since AND before.name <> :unless"""
SETTLING = f"""SELECT way.at, ended.at, ended.name, back.at, {ITEM_COLUMNS} FROM items
    CROSS JOIN entries AS way ON way.item = items.id AND way.name IN (SELECT value FROM json_each(:begins))
    LEFT JOIN entries AS ended ON ended.item = items.id AND ended.ver =
        (SELECT min(ver) FROM entries AS later WHERE later.item = items.id AND later.ver > way.ver
            AND later.name IN (SELECT value FROM json_each(:ends)))
    LEFT JOIN entries AS back ON back.item = items.id AND back.ver =
        (SELECT min(ver) FROM entries AS later WHERE later.item = items.id AND later.ver > ended.ver
            AND later.name IN (SELECT value FROM json_each(:back)))
    WHERE items.run = :run AND (items.id IN
        (SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL))"""
# The entries of an item are found by its number: an index over the names of all entries would cost every write.
ENTRIES = f"SELECT {ENTRY_COLUMNS} FROM entries LEFT JOIN items ON items.id = entries.item"
ENTRIES_OF_RUN = f"{ENTRIES} WHERE entries.seq > :after AND (:run IS NULL OR entries.run = :run) ORDER BY entries.seq"
ENTRIES_OF_RUN_ALONE = f"{ENTRIES} WHERE entries.run = ? AND entries.item IS NULL ORDER BY entries.seq"
ENTRY_COUNTS = "SELECT name, count(*) FROM entries WHERE run = ? GROUP BY name ORDER BY name"
ENTRIES_OF_ITEMS = f"""{ENTRIES} WHERE entries.item IN (SELECT id FROM items WHERE scope IN (SELECT scope FROM runs)
    AND reference = :reference AND (:run IS NULL OR run = :run)) AND entries.seq > :after ORDER BY entries.seq"""


KEPT = """SELECT name, at, facts, mac FROM lookups
    WHERE kind = :kind AND name >= :first AND name < :last ORDER BY name"""
LAST = "\U0010ffff"
# Sorts behind every name that a look-up has.

AS_HELD = """items.reference, items.payer, items.account, items.amount, items.currency, items.state,
    ifnull(json_extract(items.facts, '$.group'), ''), ifnull(json_extract(items.facts, '$.reason_code'), '')"""
LISTED = f"""SELECT {AS_HELD} FROM lines JOIN items ON items.id = lines.item
    WHERE lines.run = ? AND lines.revision = ? ORDER BY lines.position"""
HELD_BY = f"""SELECT {AS_HELD} FROM items WHERE run = ?{{}} AND NOT EXISTS (SELECT 1 FROM items AS later
    WHERE later.scope = items.scope AND later.reference = items.reference AND later.generation = items.generation + 1)
    ORDER BY id"""
HELD, HELD_IN = HELD_BY.format(""), HELD_BY.format(" AND state = ?")
STANDING = """SELECT items.id, items.state, items.id IN
        (SELECT item FROM lines WHERE run = :run AND revision = :revision AND item IS NOT NULL)
    FROM items WHERE items.run = :run AND NOT EXISTS (SELECT 1 FROM items AS next WHERE next.scope = items.scope
        AND next.reference = items.reference AND next.generation = items.generation + 1) ORDER BY items.id"""


@lru_cache
def work_in(states: int) -> str:
    """Return one statement for the items in so many states: each has its own place in the index, and its own limit."""
    return " UNION ALL ".join([WORK] * states)
