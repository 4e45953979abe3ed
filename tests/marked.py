"""Parts of the documentation that the program prints: ``python -m tests.marked`` writes them anew.

A part stands between ``<!-- NAME -->`` and ``<!-- end -->``; nothing between the two is written by hand.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from billing.core import card_limits, classify, declines, outcomes, returns
from billing.core.exits import MEANINGS
from billing.core.facts import RUN_FACTS, Fact
from billing.core.journals import roles
from billing.core.journals.rules import PAYOUT_ENTRIES, RULES, SUSPENSE
from billing.core.kinds.cancellation import CANCELLATION_LIFE
from billing.core.kinds.charge import CHARGE_LIFE
from billing.core.kinds.facts import FACTS
from billing.core.kinds.payer import PAYER_LIFE
from billing.core.kinds.refund import REFUND_LIFE
from billing.core.kinds.subscription import SUBSCRIPTION_LIFE
from billing.core.kinds.sync import SYNC_LIFE
from billing.core.life import Edge, Group, Life, Phase
from billing.core.policies import Compare
from billing.core.skips import SKIPS
from billing.core.variances import VARIANCES, attitude_to
from billing.edge.hooks.wanted import WANTED
from billing.edge.ledger.sqlite.schema import DDL, LAWS
from billing.edge.runfiles import fields
from billing.edge.runfiles.schema import Column, Schema
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.engine.goals import RESTS, TAKES
from tests.asked import ASKED as CALLS
from tests.model.cancel_walks import REJECTED as REFUSED_CANCELLATIONS
from tests.model.payer_walks import LEFT as LEFT_TO_PAYERS
from tests.model.payer_walks import REJECTED as REFUSED_PAYERS
from tests.model.refund_walks import REJECTED as REFUSED_REFUNDS
from tests.model.refund_walks import SOUND as SOUND_REFUNDS
from tests.model.settings import REJECTED
from tests.model.subscribe_walks import REJECTED as REFUSED_SUBSCRIPTIONS
from tests.model.sync_walks import REJECTED as REFUSED_SYNCS
from tests.replies import ASKED, EXPECTED, SAMPLES

ROOT = Path(__file__).parent.parent
REFUND_PROTOCOL = "billing/flow/kinds/refund/README.md"
SYNC_PROTOCOL = "billing/flow/kinds/sync/README.md"
PAYER_PROTOCOL = "billing/flow/kinds/payer/README.md"
CANCELLATION_PROTOCOL = "billing/flow/kinds/cancellation/README.md"
JOURNALS = "billing/core/journals/README.md"
SUBSCRIBE_PROTOCOL = "billing/flow/kinds/subscription/README.md"
CORE, PROTOCOL, FLOW = "billing/core/README.md", "billing/flow/kinds/charge/README.md", "billing/flow/README.md"


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("|" + "|".join(f" {cell} " if cell != "---" else cell for cell in map(str, line)) + "|\n"
                   for line in lines)  # fmt: skip


def _exits() -> str:
    rows = ((int(code), meaning, then) for code, (meaning, then) in MEANINGS.items())
    return _table(("code", "meaning", "a scheduler should"), rows)


def _states(life: Life) -> str:
    return f"```mermaid\n{life.diagram()}\n```\n\n{life.table_as_markdown()}\n"


def _edges(life: Life) -> str:
    steps = [(at, edge) for at, edge in life.edges.items() if not edge.sighting]
    seen: dict[tuple[str, Edge], list[str]] = {}
    for (state, event), edge in life.edges.items():
        if edge.sighting:
            seen.setdefault((event, edge), []).append(state)
    rows = [(state, event, edge.to, edge.reason) for (state, event), edge in steps]
    rows += [
        (", ".join(states), event, edge.to, f"{edge.reason} (a sighting)") for (event, edge), states in seen.items()
    ]
    return _table(("in", "what happened", "becomes", "because"), rows)


def _groups() -> str:
    rows = []
    for group in Group:
        plain = [state for state in CHARGE_LIFE.states if CHARGE_LIFE.group(state) is group]
        noted = [state for state in CHARGE_LIFE.states if CHARGE_LIFE.group(state, group) is group]
        more = [state for state in noted if state not in plain]
        rows.append((group, CHARGE_LIFE.words.get(group, ""), ", ".join(plain), ", ".join(more)))
    return _table(("in a report", "in words", "states", "and, where an answer has said so"), rows)


def _goals() -> str:
    def named(phases: frozenset[Phase]) -> str:
        return "; ".join(phase for phase in Phase if phase in phases)

    return _table(
        ("goal", "takes up what is", "leaves what is"), ((g, named(TAKES[g]), named(RESTS[g])) for g in TAKES)
    )


def _variances() -> str:
    rows = (
        (f"`{rule.name}`", rule.means, f"`{rule.threshold}`" if rule.threshold else "",
         attitude_to(Compare(), rule.name))
        for rule in VARIANCES
    )  # fmt: skip
    return _table(("variance", "what is compared", "from when on", "unless policy says otherwise"), rows)


def _outcomes() -> str:
    kinds = outcomes.Outcome.__args__  # type: ignore[attr-defined]
    return _table(("outcome", "it means"), ((kind.__name__, _first_paragraph(kind.__doc__)) for kind in kinds))


def _first_paragraph(text: str) -> str:
    return " ".join(text.partition("\n\n")[0].split()).replace("``", "`")


def _replies() -> str:
    rows = []
    for arrives, replies in SAMPLES:
        found = [_said(classify.classify(CALLS[asked], replies[asked], EXPECTED[asked])) for asked in ASKED]
        rows.append((arrives, *found))
    return _table(("what arrives", *ASKED), rows)


def _said(outcome: outcomes.Outcome) -> str:
    name = type(outcome).__name__
    match outcome:
        case outcomes.Halt(exit=code):
            return f"{name}, exit {int(code)}"
        case outcomes.Undecided(why=why) | outcomes.Unsent(why=why):
            return f"{name}: {why}"
        case outcomes.Refused(scope=outcomes.Scope.ACCOUNT):
            return f"{name}: account"
        case outcomes.Lost(renew=True):
            return f"{name}: renew"
        case _:
            return name


def _remedies() -> str:
    return _table(("remedy", "it means"), ((remedy, declines.MEANINGS[remedy]) for remedy in declines.STRICTNESS))


def _laws() -> str:
    return _table(("on", "refused, saying"), ((law.on, law.says) for law in LAWS))


def _tables() -> str:
    with closing(sqlite3.connect(":memory:")) as made:
        for statement in DDL:
            made.execute(statement)
        tables = [name for (name,) in made.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = [[row[1] for row in made.execute(f"PRAGMA table_info({name})")] for name in tables]
    return _table(
        ("table", "columns"), ((f"`{name}`", ", ".join(of)) for name, of in zip(tables, columns, strict=True))
    )


def _facts() -> str:
    tables = {f"Of a {kind}": dict.fromkeys(rows.values()) for kind, rows in FACTS.items()} | {
        "Of a run, and of the ledger": RUN_FACTS
    }
    return "\n".join(f"{of}:\n\n{_facts_of(rows)}" for of, rows in tables.items())


def _facts_of(rows: Iterable[Fact]) -> str:
    found = ((f"`{row.name.format(op='<op>')}`", row.form, ", ".join(row.by), row.turns, row.use) for row in rows)
    return _table(("fact", "type", "written with", "what turns on it", "read by"), found)


def _skips() -> str:
    rows = ((f"`{code}`", means, todo, "yes" if good else "") for code, (means, todo, good) in SKIPS.items())
    return _table(("code", "it means", "what to do", "nothing is owed"), rows)


def _accounts() -> str:
    rows = ((f"`{role}`", f"`{meaning.name}`", meaning.holds) for role, meaning in roles.MEANINGS.items())
    return _table(("setting, behind `export.`", "unless said", "what is booked there"), rows)


def _rules() -> str:
    rows = ((_category(rule.category, rule.source), f"`{rule.amount}`", f"`{rule.fee}`", rule.words) for rule in RULES)
    rest = ("any other", f"`{SUSPENSE.amount}`", f"`{SUSPENSE.fee}`", SUSPENSE.words)
    return _table(("category", "its amount", "Stripe's fee of it", "the entry begins"), (*rows, rest))


def _category(category: str, source: str) -> str:
    return f"`{category}`" + (f" of an object `{source}_…`" if source else "")


def _payouts() -> str:
    said = {"payout": "from clearing to the bank", "payout_reversal": "back again"}
    rows = (
        (f"`{status}`", ", ".join(said[each] for each in made) or "none") for status, made in PAYOUT_ENTRIES.items()
    )
    return _table(("a payout that is", "has the entries"), rows)


def _columns() -> str:
    return "\n".join(f"`kind: {schema.word}`\n\n{_columns_of(schema)}" for schema in SCHEMAS)


def _columns_of(schema: Schema) -> str:
    rows = [(f"`{column.name}`", _needed(schema, column), column.longest or "") for column in schema.columns]
    rows += [("`metadata.NAME`", "", fields.METADATA_VALUE_LENGTH)] if schema.metadata else []
    return _table(("column", "", "characters"), rows)


def _needed(schema: Schema, column: Column) -> str:
    if column.name in schema.amounts:
        return "required" if len(schema.amounts) == 1 else "one of the two"
    return "required" if column.required else ""


def _wanted() -> str:
    def shown(verbs: Iterable[str]) -> str:
        return ", ".join(f"`{verb}`" for verb in verbs)

    rows = (
        ("the platform" if each.own else "connected accounts", f"`{each.family}.`", shown(each.verbs),
         f"`{'.'.join(each.names)}`", each.tells)
        for each in WANTED
    )  # fmt: skip
    return _table(("on", "type", "", "an item is known by", "it tells"), rows)


def _rejected() -> str:
    rows = ((case.design.name, ", ".join(sorted(case.caught)) or "nothing: it holds") for case in REJECTED)
    return _table(("design", "what the model finds"), rows)


def _rejected_refunds() -> str:
    rows = ((walk.design.name, walk.caught or "nothing: it holds") for walk in (*REFUSED_REFUNDS, *SOUND_REFUNDS))
    return _table(("design", "what the model finds"), rows)


def _rejected_payers() -> str:
    left = [(f"{walk.design.name}, a default that is late", walk.caught) for walk in LEFT_TO_PAYERS]
    return _table(
        ("design", "what the model finds"), [*((walk.design.name, walk.caught) for walk in REFUSED_PAYERS), *left]
    )


def _rejected_syncs() -> str:
    return _table(("design", "what the model finds"), ((walk.design.name, walk.caught) for walk in REFUSED_SYNCS))


def _rejected_cancellations() -> str:
    rows = ((walk.design.name, walk.caught) for walk in REFUSED_CANCELLATIONS)
    return _table(("design", "what the model finds"), rows)


def _rejected_subscriptions() -> str:
    rows = ((walk.design.name, walk.caught) for walk in REFUSED_SUBSCRIPTIONS)
    return _table(("design", "what the model finds"), rows)


BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "exit codes: billing.core.exits"): _exits,
    (PROTOCOL, "states: billing.core.kinds.charge"): lambda: _states(CHARGE_LIFE),
    (PROTOCOL, "edges: billing.core.kinds.charge"): lambda: _edges(CHARGE_LIFE),
    (PROTOCOL, "designs: tests.model.settings"): _rejected,
    (PROTOCOL, "card limits: billing.core.card_limits"): lambda: card_limits.table_as_markdown() + "\n",
    (REFUND_PROTOCOL, "states: billing.core.kinds.refund"): lambda: _states(REFUND_LIFE),
    (REFUND_PROTOCOL, "edges: billing.core.kinds.refund"): lambda: _edges(REFUND_LIFE),
    (REFUND_PROTOCOL, "designs: tests.model.refund_walks"): _rejected_refunds,
    (SUBSCRIBE_PROTOCOL, "states: billing.core.kinds.subscription"): lambda: _states(SUBSCRIPTION_LIFE),
    (SUBSCRIBE_PROTOCOL, "edges: billing.core.kinds.subscription"): lambda: _edges(SUBSCRIPTION_LIFE),
    (SUBSCRIBE_PROTOCOL, "designs: tests.model.subscribe_walks"): _rejected_subscriptions,
    (SYNC_PROTOCOL, "states: billing.core.kinds.sync"): lambda: _states(SYNC_LIFE),
    (SYNC_PROTOCOL, "edges: billing.core.kinds.sync"): lambda: _edges(SYNC_LIFE),
    (SYNC_PROTOCOL, "designs: tests.model.sync_walks"): _rejected_syncs,
    (PAYER_PROTOCOL, "states: billing.core.kinds.payer"): lambda: _states(PAYER_LIFE),
    (PAYER_PROTOCOL, "edges: billing.core.kinds.payer"): lambda: _edges(PAYER_LIFE),
    (PAYER_PROTOCOL, "designs: tests.model.payer_walks"): _rejected_payers,
    (CANCELLATION_PROTOCOL, "states: billing.core.kinds.cancellation"): lambda: _states(CANCELLATION_LIFE),
    (CANCELLATION_PROTOCOL, "edges: billing.core.kinds.cancellation"): lambda: _edges(CANCELLATION_LIFE),
    (CANCELLATION_PROTOCOL, "designs: tests.model.cancel_walks"): _rejected_cancellations,
    (CORE, "groups: billing.core.life"): _groups,
    (CORE, "facts: billing.core.facts"): _facts,
    (CORE, "outcomes: billing.core.outcomes"): _outcomes,
    (CORE, "replies: billing.core.classify"): _replies,
    (CORE, "remedies: billing.core.declines"): _remedies,
    (CORE, "declines: billing.core.declines"): lambda: declines.table_as_markdown() + "\n",
    (CORE, "returns: billing.core.returns"): lambda: returns.table_as_markdown() + "\n",
    (CORE, "skips: billing.core.plans"): _skips,
    (JOURNALS, "accounts: billing.core.journals.roles"): _accounts,
    (JOURNALS, "rules: billing.core.journals.rules"): _rules,
    (JOURNALS, "payouts: billing.core.journals.rules"): _payouts,
    (FLOW, "goals: billing.flow.engine.goals"): _goals,
    (FLOW, "variances: billing.core.variances"): _variances,
    ("billing/edge/hooks/README.md", "wanted: billing.edge.hooks.wanted"): _wanted,
    ("billing/edge/ledger/README.md", "tables: billing.edge.ledger.sqlite.schema"): _tables,
    ("billing/edge/ledger/README.md", "laws: billing.edge.ledger.sqlite.schema"): _laws,
    ("billing/edge/runfiles/README.md", "columns: billing.edge.runfiles.schemas"): _columns,
}
END = "<!-- end -->"


def split(text: str, name: str) -> tuple[str, str, str]:
    """Return what stands before a part, the part, and what follows it.

    Raises:
        LookupError: the text has no such part.
    """
    before, mark, rest = text.partition(f"<!-- {name} -->\n")
    part, end, after = rest.partition(END)
    if not mark or not end:
        raise LookupError(f"no part <!-- {name} --> with an end")
    return before + mark, part, end + after


def main() -> int:
    """Write every part anew."""
    for (path, name), printed in BLOCKS.items():
        file = ROOT / path
        before, _, after = split(file.read_text(encoding="utf-8"), name)
        file.write_text(before + printed() + after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
