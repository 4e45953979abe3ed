"""The functions of a ledger in PostgreSQL: its laws, what its writer calls, and how a fact is read.

Their bodies are compared with those of this program, word by word. Every name in them has its schema: they hold for a
hand with a database tool, too, whatever that has set.
"""

# ruff: noqa: S608 - the only texts put into these bodies are constant names

from dataclasses import dataclass

from billing.edge.ledger.postgres.names import FENCED, LAW, NUMBERING, NUMBERS


@dataclass(frozen=True, slots=True)
class Function:
    """A function: what it takes and returns, its language with what the planner may assume, and its body."""

    name: str
    takes: str
    returns: str
    language: str
    body: str

    @property
    def sql(self) -> str:
        """The statement that creates it."""
        head = f"CREATE FUNCTION billing.{self.name}({self.takes}) RETURNS {self.returns} LANGUAGE {self.language}"
        return f"{head} AS $body${self.body}$body$"


def _law(name: str, declared: str, *checks: tuple[str, str]) -> Function:
    """Return a trigger function that refuses a row where one of ``checks`` (in which case, saying what) is met."""
    tests = "".join(
        f"\n    IF ({case}) THEN RAISE EXCEPTION USING ERRCODE = '{LAW}', MESSAGE = '{says}'; END IF;"
        for case, says in checks
    )
    return Function(name, "", "trigger", "plpgsql", f"{declared}\nBEGIN{tests}\n    RETURN NEW;\nEND")


def _changed(*columns: str) -> str:
    """Return the case that one of these columns changes."""
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"({new}) IS DISTINCT FROM ({old})"


_REFUSE = Function(
    "refuse",
    "",
    "trigger",
    "plpgsql",
    f"\nBEGIN\n    RAISE EXCEPTION USING ERRCODE = '{LAW}', MESSAGE = TG_ARGV[0];\nEND",
)
_KIND_INSERT = Function(
    "kind_insert",
    "",
    "trigger",
    "plpgsql",
    f"""
BEGIN
    IF EXISTS (SELECT FROM billing.runs WHERE runs.kind = NEW.kind) THEN
        RAISE EXCEPTION USING ERRCODE = '{LAW}', MESSAGE = TG_ARGV[0];
    END IF;
    RETURN NEW;
END""",
)
_ENTRIES_INSERT = _law(
    "entries_insert",
    "",
    (
        "EXISTS (SELECT FROM fresh LEFT JOIN billing.chains ON chains.chain = fresh.chain "
        "LEFT JOIN billing.runs ON runs.id = fresh.run LEFT JOIN billing.items ON items.id = fresh.item "
        "WHERE chains.seq IS NULL OR fresh.seq <= chains.seq OR fresh.run IS NOT NULL AND runs.id IS NULL "
        "OR fresh.item IS NOT NULL AND items.id IS NULL)",
        "entries: their numbers ascend in each chain, and their run and item are there",
    ),
)
# One question about all rows of a statement: two of them take twice as long, and one for each row longer still.
_CHAINS_INSERT = _law(
    "chains_insert",
    "",
    (
        "NEW.chain IS DISTINCT FROM (SELECT coalesce(max(chains.chain), -1) + 1 FROM billing.chains) "
        "OR NEW.seq IS DISTINCT FROM 0 OR encode(NEW.mac, 'hex') IS DISTINCT FROM "
        "(SELECT meta.value FROM billing.meta WHERE meta.name = 'seal')",
        "chains: numbered without a gap, and begun at the seal of the ledger",
    ),
)
_CHAINS_UPDATE = _law(
    "chains_update",
    "",
    (_changed("chain", "worker"), "chains: what names a chain never changes"),
    ("NEW.seq IS NULL OR NEW.seq <= OLD.seq", "chains: they only grow"),
)
_RUNS_INSERT = _law(
    "runs_insert",
    "",
    (
        "NOT EXISTS (SELECT FROM billing.kinds WHERE kinds.kind = NEW.kind)",
        "runs: of a kind that the ledger knows",
    ),
    (
        "NEW.id IS DISTINCT FROM (SELECT coalesce(max(runs.id), 0) + 1 FROM billing.runs) "
        "OR NEW.scope IS DISTINCT FROM coalesce((SELECT min(runs.id) FROM billing.runs "
        "WHERE runs.platform = NEW.platform AND runs.mode = NEW.mode AND runs.kind = NEW.kind "
        "AND (runs.period = NEW.period OR "
        "(SELECT kinds.scope FROM billing.kinds WHERE kinds.kind = NEW.kind) = 'always')), NEW.id)",
        "runs: numbered without a gap, one scope per platform, mode, kind and period",
    ),
)
_RUNS_UPDATE = _law(
    "runs_update",
    "",
    (
        _changed("id", "run_id", "scope", "platform", "name", "period", "mode", "kind"),
        "runs: what names a run never changes",
    ),
    ("NEW.revision NOT IN (OLD.revision, OLD.revision + 1)", "runs: revisions follow one another"),
)
_ITEMS_INSERT = _law(
    "items_insert",
    "",
    (
        "(NEW.state, NEW.attempt, NEW.ver) IS DISTINCT FROM ('planned', 0, 0) OR "
        "num_nonnulls(NEW.last_event, NEW.object_id, NEW.instrument_id, NEW.facts, NEW.due) > 0",
        "items: a new one is planned and nothing more",
    ),
    (
        "NEW.generation IS DISTINCT FROM 0 AND NOT EXISTS (SELECT FROM billing.items AS last "
        "JOIN billing.states ON states.kind = (SELECT runs.kind FROM billing.runs WHERE runs.id = NEW.run) "
        "AND states.state = last.state WHERE last.scope = NEW.scope AND last.reference = NEW.reference "
        "AND last.generation = NEW.generation - 1 AND states.reopens <> 0)",
        "items: a generation opens only after the last one came to nothing",
    ),
    (
        "NEW.id IS DISTINCT FROM (SELECT coalesce(max(items.id), 0) + 1 FROM billing.items) "
        "OR NEW.scope IS DISTINCT FROM (SELECT runs.scope FROM billing.runs WHERE runs.id = NEW.run)",
        "items: numbered without a gap, in the scope of their run",
    ),
)
_ITEMS_UPDATE = Function(
    "items_update",
    "",
    "trigger",
    "plpgsql",
    _law(
        "items_update",
        "",
        (
            _changed(
                "id", "run", "scope", "reference", "generation", "account", "payer", "amount", "currency", "digest",
                "content",
            ),
            "items: what the plan fixed never changes",
        ),
        ("NEW.ver IS DISTINCT FROM OLD.ver + 1", "items: ver grows by one"),
        ("happened AND edge.to_state IS DISTINCT FROM NEW.state", "items: the table of states has no such edge"),
        (
            "NEW.attempt IS DISTINCT FROM OLD.attempt + CASE WHEN happened THEN edge.attempt ELSE 0 END",
            "items: attempts follow one another, each opened by an event that does so",
        ),
        (
            "OLD.object_id IS NOT NULL AND NEW.object_id IS DISTINCT FROM OLD.object_id",
            "items: the object is set once",
        ),
        (
            "OLD.instrument_id IS NOT NULL AND NEW.instrument_id IS DISTINCT FROM OLD.instrument_id "
            "AND NEW.attempt IS NOT DISTINCT FROM OLD.attempt",
            "items: the instrument is set once per attempt",
        ),
        (
            "happened AND (edge.object = 'needs' AND NEW.object_id IS NULL "
            "OR edge.object = 'forbids' AND NEW.object_id IS NOT NULL)",
            "items: an object is on record after an event that needs one, and none after one that forbids it",
        ),
        (
            "OLD.object_id IS NULL AND NEW.object_id IS NOT NULL AND EXISTS (SELECT FROM billing.states "
            "WHERE states.kind = (SELECT runs.kind FROM billing.runs WHERE runs.id = OLD.run) "
            "AND states.state = OLD.state AND states.final <> 0)",
            "items: one that is over takes no object",
        ),
    ).body.replace(
        "\nBEGIN",
        """
DECLARE
    happened boolean := (NEW.state, NEW.last_event) IS DISTINCT FROM (OLD.state, OLD.last_event);
    edge record;
BEGIN
    SELECT transitions.to_state, transitions.attempt, transitions.object INTO edge FROM billing.transitions
        WHERE happened AND transitions.kind = (SELECT runs.kind FROM billing.runs WHERE runs.id = OLD.run)
        AND transitions.from_state = OLD.state AND transitions.event = NEW.last_event;""",
        1,
    ),
)  # fmt: skip
# An update is an event where the state or the last event differs; the event's row is the edge it takes.
LAWS = (
    _REFUSE, _KIND_INSERT, _ENTRIES_INSERT, _CHAINS_INSERT, _CHAINS_UPDATE, _RUNS_INSERT, _RUNS_UPDATE, _ITEMS_INSERT,
    _ITEMS_UPDATE,
)  # fmt: skip

_NUMBERS = Function(
    "numbers",
    "integer",
    "bigint[]",
    "plpgsql",
    f"""
BEGIN
    IF coalesce(current_setting('billing.numbering', true), '') = '' THEN
        PERFORM pg_advisory_xact_lock_shared({NUMBERING} + last_value - CASE WHEN is_called THEN 0 ELSE 1 END)
            FROM billing.{NUMBERS};
        PERFORM set_config('billing.numbering', 'on', true);
    END IF;
    RETURN ARRAY(SELECT nextval('billing.{NUMBERS}') FROM generate_series(1, $1));
END""",
)
# A transaction says first, until its end, behind which number it takes its own: whoever reads then knows up to where
# every entry is there already. It says so once; the setting ends with it as the lock does.
# The numbers are asked for after the moves, in a statement of its own: by then the rows of the items are locked, so
# that whoever moves one of them later has the higher numbers.
_MOVE = Function(
    "move",
    "bigint[], text[], integer[], integer[], text[], integer[], integer[], text[], text[], text[], text[], bigint[], "
    "integer",
    "bigint[]",
    "plpgsql",
    """
DECLARE
    moved bigint;
BEGIN
    UPDATE billing.items SET state = became.state, attempt = became.attempt, ver = became.ver,
        object_id = became.object_id, instrument_id = became.instrument_id,
        last_event = coalesce(became.event, items.last_event), facts = became.facts, due = became.due
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            AS became (id, state_before, attempt_before, ver_before, state, attempt, ver, object_id, instrument_id,
            event, facts, due)
        WHERE items.id = became.id AND items.state = became.state_before AND items.attempt = became.attempt_before
            AND items.ver = became.ver_before;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> cardinality($1) THEN RETURN NULL; END IF;
    RETURN billing.numbers($13);
END""",
)
_ADVANCE = Function(
    "advance",
    "integer, bigint, bytea, bigint, bytea",
    "void",
    "plpgsql",
    f"""
BEGIN
    UPDATE billing.chains SET seq = $4, mac = $5 WHERE chains.chain = $1 AND chains.seq = $2 AND chains.mac = $3;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '{FENCED}',
            MESSAGE = format('chain %s does not end at entry %s any more: another process has written it', $1, $2);
    END IF;
END""",
)
_FACT = Function(
    "fact",
    "text, text",
    "text",
    "sql IMMUTABLE PARALLEL SAFE",
    r"""SELECT CASE WHEN strpos($1, '\u') = 0 THEN $1 ELSE
    regexp_replace(regexp_replace(replace($1, '\u0000', '\ufffd'),
        '\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])', '\\ufffd', 'g'),
        '(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}', '\\ufffd', 'g')
    END::json ->> $2""",
)
# A fact of a JSON object as text. JSON may hold what no text of the database can, and what it refuses to read even in
# another fact: NUL, and half a surrogate pair; each is read as U+FFFD.
FUNCTIONS = (_NUMBERS, _MOVE, _ADVANCE, _FACT)
