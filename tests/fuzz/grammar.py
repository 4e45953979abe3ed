"""What a run file can hold, as Hypothesis strategies: items, ways to write them down, and ways to break them."""

import csv
import io
import json
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from billing.core.items import Charge
from billing.core.money import CURRENCIES, MAX_DIGITS, Money, format_minor
from billing.edge.texts.safe_text import invisible, sensitive

CORE = ("reference", "customer", "payment_method", "account", "amount", "currency", "application_fee", "description",
        "statement_suffix")  # fmt: skip
RUN_ID = "fuzz-2026-11"
HEAD = "version: 1\nrun: {name: fuzz, period: 2026-11}\n"


def _plain(text: str) -> bool:
    """Whether a reader gives such a text back as it stands: nothing to trim, nothing to refuse."""
    return text == text.strip(" ") and not invisible(text) and sensitive(text) is None


IDS = st.from_regex(r"[A-Za-z0-9_]{1,24}", fullmatch=True)
REFERENCES = st.from_regex(r"[A-Za-z0-9äßЖ請][A-Za-z0-9 ._:/#+=äßЖ請-]{0,30}", fullmatch=True).filter(_plain)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=40).filter(_plain)
WORDS = st.lists(TEXTS, min_size=1, max_size=3).map(" ".join).filter(_plain)
TRAPS = st.sampled_from(
    ["no", "yes", "null", "~", "010", "1_000", "0x1F", "12:30", "1e3", ".inf", ".nan", "2026-11-01", "=", "<<", "*a",
     "&a", "!x", "- x", "? x", "a: b", "#x", "a #b", "{a: 1}", "[1]", "%x", "@x", "`x`", "|", ">", "'", '"', '""', "''",
     "\\n", "\\u0041", "a,b", ";", "a\\", "--- x", "...", "True", "=1+1", "+1", "-1", "<b>", "{{x}}", "${x}", "%s",
     "'; DROP TABLE item;--"]
)  # fmt: skip
# Texts that some reader somewhere makes into something else.
KEYS = st.from_regex(r"[a-z][a-z0-9_. -]{0,20}[a-z0-9]", fullmatch=True).filter(lambda k: not k.startswith("billing_"))
SUFFIXES = st.from_regex(r"[A-Z][A-Z0-9 .&-]{0,15}[A-Z0-9]", fullmatch=True).filter(_plain)


@st.composite
def _items(draw: st.DrawFn, keys: list[str]) -> Charge:
    row = CURRENCIES[draw(st.sampled_from(sorted(CURRENCIES)))]
    units = draw(st.integers(1, (10**MAX_DIGITS - 1) // row.step))
    fee = draw(st.none() | st.integers(1, units).map(lambda part: part * row.step))
    values = {key: draw(st.none() | WORDS | TRAPS) for key in keys}
    return Charge(
        reference=draw(REFERENCES),
        account="acct_" + draw(IDS),
        customer="cus_" + draw(IDS),
        payment_method=draw(st.none() | IDS.map("pm_{}".format)),
        amount=Money(units * row.step, row.code),
        application_fee=fee,
        description=draw(st.none() | WORDS | TRAPS),
        statement_suffix=draw(st.none() | SUFFIXES),
        metadata=tuple((key, value) for key, value in values.items() if value),
    )


@dataclass(frozen=True, slots=True)
class Sheet:
    """Items as they are meant, and the columns they have in common."""

    items: tuple[Charge, ...]
    keys: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The header."""
        return [*CORE, *(f"metadata.{key}" for key in self.keys)]


@st.composite
def sheets(draw: st.DrawFn, least: int = 0, most: int = 6) -> Sheet:
    """Any items a run file can describe, with references used once."""
    keys = draw(st.lists(KEYS, max_size=2, unique=True))
    items = draw(st.lists(_items(keys), min_size=least, max_size=most, unique_by=lambda item: item.reference))
    return Sheet(tuple(items), tuple(keys))


def cells_of(item: Charge, keys: tuple[str, ...]) -> list[str]:
    """An item as the texts a person would type."""
    code, metadata = item.amount.currency, dict(item.metadata)
    fee = "" if item.application_fee is None else format_minor(item.application_fee, code)
    own = [
        item.reference,
        item.customer,
        item.payment_method or "",
        item.account,
        format_minor(item.amount.minor, code),
    ]
    texts = [item.description or "", item.statement_suffix or ""]
    return [*own, code.upper(), fee, *texts, *(metadata.get(key, "") for key in keys)]


@dataclass(frozen=True, slots=True)
class Style:
    """How a CSV is written; none of it means anything."""

    end: str
    quoting: int
    mark: bool
    delimiter: str
    blank_lines: bool
    last_end: bool


STYLES = st.builds(
    Style,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    mark=st.booleans(),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    blank_lines=st.booleans(),
    last_end=st.booleans(),
)
PLAIN = Style("\n", csv.QUOTE_MINIMAL, mark=False, delimiter=",", blank_lines=False, last_end=True)


def as_csv(columns: list[str], rows: list[list[str]], style: Style = PLAIN) -> bytes:
    """Rows as the bytes of a CSV in some style."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=style.end, quoting=style.quoting, delimiter=style.delimiter)
    for row in [columns, *rows]:
        writer.writerow(row)
        if style.blank_lines:
            out.write(style.end)
    text = out.getvalue() if style.last_end else out.getvalue().rstrip("\r\n")
    return text.encode("utf-8-sig" if style.mark else "utf-8")


def _scalar(text: str, way: int) -> str:
    """A text as a YAML scalar, in double or in single quotes, or plain where that is safe."""
    if way == 1:
        return "'" + text.replace("'", "''") + "'"
    if way == 2 and text.isascii() and text.replace("_", "").isalnum():
        return text
    # JSON leaves what lies beyond the first plane as it is, which YAML takes; its escapes it does not.
    return json.dumps(text, ensure_ascii=False).replace("\x85", "\\N").replace("\x7f", "\\x7F")


def as_yaml(sheet: Sheet, ways: list[int], *, flow: bool) -> bytes:
    """The same items in a YAML file: in flow or block style, every scalar in one of three ways."""
    lines, turn = [HEAD + ("items:\n" if sheet.items else "items: []\n")], 0
    for item in sheet.items:
        pairs = []
        for name, text in zip(sheet.columns, cells_of(item, sheet.keys), strict=True):
            turn += 1
            pairs.append((name, _scalar(text, ways[turn % len(ways)] if text else 1)))
        own = [f"{name}: {text}" for name, text in pairs if not name.startswith("metadata.")]
        extra = [f"{_scalar(name[9:], 0)}: {text}" for name, text in pairs if name.startswith("metadata.")]
        if flow:
            metadata = [f"metadata: {{{', '.join(extra)}}}"] if extra else []
            lines.append(f"  - {{{', '.join([*own, *metadata])}}}\n")
        else:
            metadata = ["metadata:\n" + "\n".join(f"      {pair}" for pair in extra)] if extra else []
            lines.append("  - " + "\n    ".join([*own, *metadata]) + "\n")
    return "".join(lines).encode()


@dataclass(frozen=True, slots=True)
class Break:
    """One way to break a line: the column, and what is written there. ``code`` is what the reader must call it."""

    column: str
    text: str
    code: str


BREAKS = st.sampled_from(
    [
        Break("amount", "", "missing"), Break("amount", "0", "amount_zero"), Break("amount", "-1", "amount_sign"),
        Break("amount", "1e2", "amount_notation"), Break("amount", "1.23456", "amount_decimals"),
        Break("amount", "١", "amount_digits"), Break("amount", "NaN", "amount_not_finite"),
        Break("amount", "1234567890123", "amount_too_large"), Break("amount", "01", "amount_leading_zero"),
        Break("amount", "5,0", "amount_comma"), Break("amount", "$5", "amount_currency"),
        Break("amount", "5.", "amount_point"), Break("amount", "1_0", "amount_separators"),
        Break("amount", "ten", "amount_not_number"), Break("currency", "", "missing"),
        Break("currency", "US", "currency_form"), Break("currency", "XYZ", "currency_unknown"),
        Break("currency", "UЅD", "look_alike"), Break("account", "", "missing"), Break("account", "cus_1", "id_form"),
        Break("account", "acct_А", "look_alike"), Break("account", "acct_\u200b1", "invisible_character"),
        Break("customer", "", "missing"), Break("customer", "jane", "id_form"),
        Break("customer", "a@b.de", "personal_data"),
        Break("payment_method", "tok_1", "id_form"), Break("payment_method", "sk_test_123", "secret"),
        Break("reference", "", "missing"), Break("reference", "=1", "reference_form"),
        Break("reference", "x\u202ey", "invisible_character"), Break("reference", "x" * 101, "too_long"),
        Break("description", "4242424242424242", "card_data"), Break("description", "a\x1bb", "invisible_character"),
        Break("description", "a\u3164b", "invisible_character"), Break("description", "d" * 1001, "too_long"),
        Break("statement_suffix", "11", "suffix_letter"), Break("statement_suffix", "A*B", "suffix_character"),
        Break("application_fee", "-1", "amount_sign"), Break("application_fee", "99999999999999", "amount_too_large"),
    ]
)  # fmt: skip


def broken(row: list[str], how: Break) -> list[str]:
    """The row with one cell written wrongly."""
    place = CORE.index(how.column)
    return [*row[:place], how.text, *row[place + 1 :]]


def alike(sheet: Sheet) -> Sheet:
    """The same sheet in another order."""
    return replace(sheet, items=tuple(reversed(sheet.items)))
