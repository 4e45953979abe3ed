"""Texts that are programs elsewhere: through every field of a run file, out through everything that shows them."""

import csv
import io
import json
import unicodedata

import pytest

from billing.cli.plan_view import plan_table
from billing.core.cells import plain
from billing.core.errors import InvalidInput, RunStopped
from billing.core.estimates import Estimate
from billing.edge.logs import open_log
from billing.edge.runfiles import open_run
from billing.flow.planning.plan import PlanOptions, keep, make_plan, plan_offline
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import plan_to_json
from billing.flow.report_files import as_csv, as_json
from billing.sandbox.scenario import save_customer
from tests.flow.world import FAST, RUN, World
from tests.virtual import run_virtually

FORMULAS = [
    first + rest
    for first in (
        "=",
        "+",
        "-",
        "@",
        "＝",
        "＋",
        "－",
        "＠",
        "\t=",
        "\r=",
        "\n=",
        "\u00a0=",
        "\u200b=",
        "\ufeff+",
        " \u3000-",
    )
    for rest in ("cmd|' /C calc'!A0", 'HYPERLINK("http://x","y")')
]
MARKUP = [
    shape.format(call)
    for shape in ("<script>{}</script>", "<img src=x onerror={}>", "<svg/onload={}>", "\"><b onclick={}>", "'-{}-'",
                  "<iframe srcdoc='{}'>", "javascript:{}", "{{{{{}}}}}", "<!--{}-->", "]]>{}")
    for call in ("alert(1)", "alert`1`", "eval(name)", "fetch('//x')", "top.x=1")
]  # fmt: skip
LOGS = [
    "\n{\"level\":\"error\"}", "\r\nGET / HTTP/1.1", "\x1b[2J", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x9b31m",
    "\x01x", "\x08\x08\x08paid", "\x7f", "\u202egnp.exe", "\u2066x\u2069", "\u2028x", "\u2029x", "\u0085x",
    "\x0bx", "\x0cx", "\u200bx", "\u00adx", "\ufeffx", "\U000e0041x",
]  # fmt: skip
QUERIES = [
    f"{opening}{middle}{closing}"
    for opening in ("'", '"', "`", "')", "'))", "\\'", "%27", "' ", "1", "x'")
    for middle in (" OR 1=1", " OR 'a'='a'", "; DROP TABLE entry", "; DELETE FROM item",
                   " UNION SELECT sqlite_version()",
                   "; UPDATE item SET state='succeeded'", "; ATTACH 'x' AS y", "||load_extension('x')",
                   "; PRAGMA foreign_keys=0",
                   " AND randomblob(1)", "; VACUUM INTO 'x'", " GROUP BY 1 HAVING 1", " ORDER BY 99",
                   " LIMIT 0", " LIKE '%'",
                   "; BEGIN", "; COMMIT", "; ROLLBACK", " IS NULL", " RETURNING *")
    for closing in ("", "--", ";--", "/*", " -- -")
]  # fmt: skip
PATHS = [
    f"{prefix}{name}"
    for prefix in ("../", "../../", "/", "~/", "..\\", "%2e%2e/", "....//", "C:\\")
    for name in ("etc/passwd", "x.csv", ".ssh/id_rsa", "billing.db", "con")
]
PAYLOADS = {"formula": FORMULAS, "HTML": MARKUP, "log": LOGS, "SQL": QUERIES, "path": PATHS}
FREE = ("description", "metadata.a", "metadata.b", "metadata.c", "metadata.d")
COLUMNS = ("reference", "customer", "payment_method", "account", "amount", "currency", *FREE)
STRICT = ("reference", "customer", "payment_method", "account", "currency", "amount", "statement_suffix")
RUNS_IN_A_SHEET = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def written(rows: list[list[str]], columns=COLUMNS) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def runs(cell: str) -> bool:
    """Whether a spreadsheet that trims would run the cell."""
    seen = cell.lstrip(" \u00a0\u3000\u200b\ufeff")
    return seen.startswith(RUNS_IN_A_SHEET) and not seen.lstrip("-").replace(".", "", 1).isdigit()


def shown(text: str) -> bool:
    """Whether a text is harmless on a terminal and in a line-based log."""
    return text.replace("\n", "").isprintable()


def everything() -> list[str]:
    return [payload for kind in PAYLOADS.values() for payload in kind]


def readable(texts: list[str]) -> list[str]:
    """The payloads that a run file may carry; the others are refused by the reader, which another test counts."""
    return [text for text in texts if text.isprintable() and text == text.strip(" ")]


def shared() -> list[list[str]]:
    """The same, as many to an item as it has free texts."""
    texts = readable(everything())
    return [(texts[at:] + texts)[: len(FREE)] for at in range(0, len(texts), len(FREE))]


@pytest.fixture(scope="module")
def paid(tmp_path_factory) -> World:
    """A finished run with every payload a run file may carry in its free texts."""
    world = World.make(tmp_path_factory.mktemp("paid"), items=1, mix={"succeeds": 1})
    account = world.scenario.accounts[0]
    rows = []
    for number, texts in enumerate(shared()):
        customer, method = save_customer(world.sandbox)
        rows.append([f"INV-{number}", customer, method, account, "10.99", "USD", *texts])
    world.file.write_text(written(rows))
    run_virtually(world.charge_all)
    return world


def test_there_are_as_many_payloads_as_the_catalogue_asks_for(record_property):
    least = {"formula": 30, "HTML": 50, "log": 20, "SQL": 1000, "path": 40}
    counts = {kind: len(set(texts)) for kind, texts in PAYLOADS.items()}
    assert counts == least
    total = sum(counts.values())
    record_property("evidence", f"injection: {total:,} payloads in every text field, 0 formulas, 0 control characters")


def test_what_is_stored_is_what_was_typed_here_and_at_the_provider(paid: World):
    run_virtually(paid.assert_true)
    known = {item.reference: item for item in run_virtually(paid.item)}
    at_stripe = {row.metadata["billing_reference"]: row for row in paid.sandbox.books().intents}
    assert len(known) == len(at_stripe) == len(shared()) > 1000 / len(FREE)
    for number, (description, *notes) in enumerate(shared()):
        content, sent = known[f"INV-{number}"].content, at_stripe[f"INV-{number}"].metadata
        assert content["description"] == description
        assert list(content["metadata"].values()) == [sent[key] for key in "abcd"] == notes
    assert {row.paid for row in paid.sandbox.books().intents} == {1}


def test_no_cell_of_a_report_is_a_formula_and_no_text_of_it_is_lost(paid: World):
    async def reports():
        async with paid.services(lock=False) as services:
            return "".join(as_csv(services.ledger, RUN)), "".join(as_json(services.ledger, RUN))

    as_table, as_objects = run_virtually(reports)
    table = list(csv.reader(io.StringIO(as_table)))
    assert not [cell for row in table for cell in row if runs(cell)]
    assert [[plain(cell) for cell in row[6:11]] for row in table[1:]] == shared()
    assert [[row["input"][name] for name in FREE] for row in json.loads(as_objects)] == shared()
    assert shown(as_objects)


def test_a_line_set_aside_stands_in_the_report_as_text_and_on_one_row(tmp_path):
    world = World.make(tmp_path, items=1, mix={"succeeds": 1})
    texts = [*FORMULAS, *LOGS]
    world.file.write_text(written([["x", "y", "z", "w", "1", "USD", text] for text in texts], COLUMNS[:7]), newline="")

    async def reported() -> str:
        async with world.services() as services:
            with open_run(world.file, run_id=RUN, skip_invalid=True, allow_empty=True) as source:
                plan = await make_plan(services, source, PlanOptions(Preflight.NONE))
                await keep(plan, source, services.ledger)
            return "".join(as_csv(services.ledger, RUN))

    table = list(csv.reader(io.StringIO(run_virtually(reported), newline="")))
    assert [len(row) for row in table] == [len(table[0])] * (1 + len(texts))
    assert not [cell for row in table for cell in row if runs(cell)]


def test_nothing_is_written_but_the_ledger_and_its_key(paid: World):
    names = {path.name.split("-")[0] for path in paid.folder.iterdir()}
    assert names <= {"coaching.csv", "ledger.db", "ledger.key", "ledger.db.lock", "heads"}, names


def test_no_plan_shows_a_control_character(paid: World):
    with open_run(paid.file, run_id=RUN) as source:
        plan = plan_offline(source, None, "acct_P")
        lines = plan_table(plan, "", Estimate(1, 1.0), share="x")
        saved = json.dumps(plan_to_json(plan, FAST))
    assert all(line.isprintable() for line in lines)
    assert shown(saved)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_payload_forges_a_line_of_the_log(log_format: str):
    for text in everything():
        out = io.StringIO()
        open_log("debug", log_format, out)("item_moved", reference=text, deep=[{text: text}])
        line = out.getvalue()
        assert line.count("\n") == 1
        assert line[:-1].isprintable(), text


@pytest.mark.parametrize("column", [*STRICT, *FREE[:2]])
def test_every_payload_in_every_field_is_refused_in_place_or_kept_as_typed(tmp_path, column: str):
    names = [*COLUMNS, *({column} - set(COLUMNS))]
    good = {"customer": "cus_1", "payment_method": "pm_1", "account": "acct_1", "amount": "10.99", "currency": "USD"}
    rows = [[(good | {"reference": f"INV-{n}", column: text}).get(name, "") for name in names]
            for n, text in enumerate(everything())]  # fmt: skip
    (tmp_path / "run.csv").write_text(written(rows, names), newline="")
    errors = tmp_path / "bad.csv"
    told = {"skip_invalid": True, "allow_empty": True, "errors_csv": errors}
    with open_run(tmp_path / "run.csv", run_id=RUN, **told) as source:
        lines = list(source.lines())
    kept = [line for line in lines if line.item is not None]
    assert len(lines) == len(rows)
    place = names.index(column)
    for line in kept:
        metadata = {f"metadata.{key}": value for key, value in line.item.metadata}
        value = metadata[column] if column in metadata else getattr(line.item, column)
        assert value == line.cells[place].strip(" \u00a0\u202f")
        assert not any(unicodedata.category(char).startswith("C") for char in value)  # blanks of all widths may stand
    assert all(shown(line.reason) for line in lines)
    if column in ("customer", "payment_method", "account", "currency", "amount"):
        assert kept == []
    given_back = list(csv.reader(io.StringIO(errors.read_bytes().decode(), newline="")))
    assert len(given_back) == 1 + len(rows) - len(kept)
    assert not [cell for row in given_back for cell in row if runs(cell)]
    assert {path.name for path in tmp_path.iterdir()} == {"run.csv", "bad.csv"}


def test_no_payload_is_a_header_or_a_run_id(tmp_path):
    for text in [*FORMULAS, *MARKUP, *LOGS, *PATHS, *QUERIES[::10]]:
        (tmp_path / "run.csv").write_text(written([], (*COLUMNS[:6], text)), newline="")
        with pytest.raises(InvalidInput) as refused:
            open_run(tmp_path / "run.csv", run_id=RUN)
        assert all(shown(f"{problem.message}{problem.hint}") for problem in refused.value.problems)
        (tmp_path / "run.yaml").write_text(
            f"version: 1\nrun: {{name: {json.dumps(text)}, period: 2026-11}}\nitems: []\n", newline=""
        )
        with pytest.raises(InvalidInput):
            open_run(tmp_path / "run.yaml")


def test_a_link_planted_at_the_file_of_bad_lines_is_not_followed(tmp_path):
    (tmp_path / "run.csv").write_text(written([["=1"] * len(COLUMNS)]))
    (tmp_path / "victim").write_text("keep")
    (tmp_path / "bad.csv").symlink_to(tmp_path / "victim")
    with pytest.raises(RunStopped):
        open_run(tmp_path / "run.csv", run_id=RUN, errors_csv=tmp_path / "bad.csv")
    assert (tmp_path / "victim").read_text() == "keep"
