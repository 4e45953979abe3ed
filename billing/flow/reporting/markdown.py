"""A run as a comment on a pull request, or as the summary of a job: totals before details, ids and nothing else.

It stays under the length that such places take, whatever the size of the run: lists are cut, and say by how much.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from billing.core import wording
from billing.core.items import Kind, Mode
from billing.core.tones import FEARED, NOT_CHARGED
from billing.edge.ledger import Ledger
from billing.edge.ledger.custody.attendance import NOBODY, Attendance
from billing.edge.markdown import NOTHING, block, code, folded, prose, table
from billing.flow.outturn import ROWS, outturn_of
from billing.flow.report import EVERY_LINE, Wanted, latest_comparison, paid_twice
from billing.flow.reporting.kindwords import first_up, row_words
from billing.flow.reporting.overview import AccountLines, Line, Need, Overview, Sum, overview_of, summed
from billing.flow.reporting.undone import undone
from billing.flow.reporting.verdict import verdict_of
from billing.flow.standing import standing_of

LIMIT = 59_000
# Characters. A comment on GitHub takes 65,536, of which a bot's own words want some.
LISTS = (100, 50, 20, 10, 5, 2, 0)
# How long lists may be: the longest that fits.
MOST_NEEDS, MOST_REASONS, MOST_ACCOUNTS = 20, 15, 10
BESIDE, MOST_CURRENCIES, MOST_AMOUNTS = 6, 18, 4
# Currencies beside each other in a table, in all tables, and within a sentence.


def as_markdown(
    ledger: Ledger,
    run_id: str,
    wanted: Wanted = EVERY_LINE,
    commands: Sequence[str] = (),
    attendance: Attendance = NOBODY,
) -> Iterator[str]:
    """Write a report as Markdown (GFM), in one piece.

    Args:
        ledger: what is on record.
        run_id: of the run.
        wanted: which lines.
        commands: what can be typed next.
        attendance: see `standing_of`.

    Raises:
        UsageError: the ledger has no such run.
    """
    overview = overview_of(ledger, run_id, wanted)
    state = standing_of(ledger, overview.record, attendance).state
    before = [_head(overview, state), _verdict(overview), *_money(ledger, overview)]
    after = [*_proof(ledger, overview), *_next(commands)]
    for most in LISTS:
        parts = [*before, *_needs(overview, most), *_reasons(overview), *_accounts(overview), *after]
        found = "\n".join(part for part in parts if part)
        if len(found) < LIMIT:
            break
    yield found


def label(kind: Kind, row: str) -> str:
    """Return what a person reads for a row of the outturn, as the beginning of a line."""
    return first_up(row_words(kind, row))


def several(totals: Mapping[str, int]) -> str:
    """Write amounts of some currencies; of many, the first ones and how many more there are."""
    shown = {currency: minor for currency, minor in sorted(totals.items()) if minor}
    first = dict(list(shown.items())[:MOST_AMOUNTS])
    more = len(shown) - len(first)
    return wording.several(first) + (
        f" and {wording.counted(more, 'more currency', 'more currencies')}" if more else ""
    )


def _head(overview: Overview, state: str) -> str:
    record = overview.record
    mode = "LIVE" if record.mode is Mode.LIVE else "TEST"
    said = [f"## {code(record.run_id, cell=False)} · {record.kind}s · **{mode}**\n"]
    if record.mode is not Mode.LIVE:
        said.append("Test mode: no money moved.\n")
    when = wording.moment(overview.latest or record.planned_at, overview.zone)
    said.append(f"{state[:1].upper()}{state[1:]} · last moved {when} ({overview.zone.key})\n")
    if overview.wanted != EVERY_LINE:
        said.append(f"**Only lines of** {code(overview.wanted.said, cell=False)}\n")
    return "\n".join(said)


def _verdict(overview: Overview) -> str:
    return f"**{verdict_of(overview).answer}**\n"


def _money(ledger: Ledger, overview: Overview) -> Iterator[str]:
    """Yield where every line stands, with its money, and whether that is what the sheet had."""
    kind = overview.record.kind
    rows = [(label(kind, row), overview.of(row)) for row in ROWS if row in FEARED or overview.of(row).lines]
    whole = overview.wanted == EVERY_LINE
    yield from _tables([*rows, ("Sheet" if whole else "Asked for", overview.sheet)], overview.currencies)
    if overview.gone:
        yield "No longer in the sheet, and in none of these sums:\n"
        codes = sorted({currency for each in overview.gone.values() for currency in each.totals})
        yield from _tables([(label(kind, row), each) for row, each in overview.gone.items()], codes, bold=())
    if whole:
        yield from _ties(ledger, overview)


def _ties(ledger: Ledger, overview: Overview) -> Iterator[str]:
    outturn = outturn_of(ledger, overview.record)
    if outturn.apart:
        yield _warning(f"Totals do not agree with the sheet: {several(outturn.apart)} apart.")
    elif outturn.expected is not None:
        yield "Totals agree with the sheet.\n"
    if said := undone(ledger, overview.record, several):
        yield f"{said}\n"
    for each in paid_twice(ledger, overview.record.run_id):
        yield _warning(f"Paid twice: {prose(each, cell=False)}. Refund one of the two in Stripe.")


def _warning(text: str) -> str:
    return f"> [!WARNING]\n> {text}\n"


def _tables(rows: Sequence[tuple[str, Sum]], codes: Sequence[str], bold: Sequence[int] = (0, -1)) -> Iterator[str]:
    """Yield rows with a column for each currency, so many beside each other; the first and the last row stand out."""
    strong = {at % len(rows) for at in bold}
    shown = codes[:MOST_CURRENCIES]
    for first in range(0, max(1, len(shown)), BESIDE):
        some = shown[first : first + BESIDE]
        body = []
        for at, (name, each) in enumerate(rows):
            money = [wording.amount(each.totals[one], one) if each.totals[one] else NOTHING for one in some]
            cells = [name, *([f"{each.lines:,}"] if not first else []), *money]
            body.append([f"**{cell}**" if at in strong and cell != NOTHING else cell for cell in cells])
        yield table(["", *(["lines"] if not first else []), *(one.upper() for one in some)], body)
    if more := len(codes) - len(shown):
        yield f"{wording.counted(more, 'more currency', 'more currencies')} in `report.csv`.\n"


def _needs(overview: Overview, most: int) -> Iterator[str]:
    """Yield who must do what, then the lines of each deed."""
    if not overview.needs:
        return
    yield "### What a person has to do\n"
    needs = overview.needs[:MOST_NEEDS]
    kind = overview.record.kind
    rows = (
        [prose(need.title), label(kind, need.row), f"{need.sum.lines:,}", several(need.sum.totals)] for need in needs
    )
    yield table(["what to do", "of", "lines", "amount"], rows, right=2)
    if more := overview.needs[MOST_NEEDS:]:
        left = sum(need.sum.lines for need in more)
        yield f"{wording.counted(left, 'line')} more, with {len(more)} more things to do, in `report.csv`.\n"
    if not most:
        yield "Which lines these are is in `report.csv`.\n"
    for need in needs if most else ():
        yield _list(need, most, label(kind, need.row))


def _list(need: Need, most: int, name: str) -> str:
    shown = need.shown[:most]
    rows = ([f"{line.number:,}", code(line.reference), code(line.account), _priced(line), _why(line)] for line in shown)
    body = table(["line", "reference", "account", "amount", "why"], rows, right=9)
    if more := need.sum.lines - len(shown):
        body += f"\n{more:,} more in `report.csv`.\n"
    count = wording.counted(need.sum.lines, "line")
    said = f"{name}: {count if need.sum.lines == len(shown) else f'{len(shown)} of {count}'}"
    # Here a code span would be none: this is HTML.
    deed = need.title if prose(need.title) == need.title else ""
    return folded(f"{said}. {deed}".rstrip(". "), body)


def _priced(line: Line) -> str:
    return wording.priced(line.amount, line.currency)


def _why(line: Line) -> str:
    said = prose(line.says) if line.says else ""
    named = f"({code(line.told['reason_code'])})" if line.told["reason_code"] else ""
    return " ".join(part for part in (said, named) if part) or NOTHING


def _reasons(overview: Overview) -> Iterator[str]:
    """Yield why lines were declined or not charged."""
    if not overview.reasons:
        return
    yield "### Why\n"
    rows = (
        [prose(one.says) if one.says else NOTHING, code(one.code), f"{one.sum.lines:,}", several(one.sum.totals)]
        for one in overview.reasons[:MOST_REASONS]
    )
    yield table(["reason", "code", "lines", "amount"], rows, right=2)
    if more := overview.reasons[MOST_REASONS:]:
        yield f"{sum(one.sum.lines for one in more):,} lines more for {len(more)} more reasons, in `report.csv`.\n"


def _accounts(overview: Overview) -> Iterator[str]:
    """Yield the accounts that most lines are missing of."""
    short = [(one, _short(one)) for one in overview.accounts.values() if one.account]
    worst = sorted((each for each in short if each[1].lines), key=lambda each: (-each[1].lines, each[0].account))
    if not worst:
        return
    yield f"### {wording.counted(len(worst), 'account')} of {len(short):,} with something missing\n"
    rows = (
        [code(one.account), f"{one.sheet.lines:,}", f"{missing.lines:,}", several(missing.totals)]
        for one, missing in worst[:MOST_ACCOUNTS]
    )
    yield table(["account", "lines", "missing", "amount missing"], rows)
    if more := worst[MOST_ACCOUNTS:]:
        yield f"{wording.counted(len(more), 'more account')} in `report.csv`.\n"


def _short(one: AccountLines) -> Sum:
    return summed(each for row, each in one.rows.items() if row not in NOT_CHARGED | {"paid"})


def _proof(ledger: Ledger, overview: Overview) -> Iterator[str]:
    record = overview.record
    yield "### Proof\n"
    found = latest_comparison(ledger, record.run_id)
    if found is None:
        said = "Not compared with Stripe yet."
    else:
        differs = int(found["discrepancies"])
        what = wording.counted(differs, "discrepancy", "discrepancies") if differs else "nothing differed"
        said = f"Compared with Stripe {wording.moment(str(found['as_of']), overview.zone)}: {what}."
    yield f"- {said}"
    file = str(record.header.get("file") or "")
    yield f"- Sheet {code(file, cell=False)}, SHA-256 `{record.file_sha256[:16]}`" if file else ""
    yield f"- Plan `{record.plan_digest[:16]}`, head of the ledger's chain `{ledger.head[:16]}`"
    yield f"- Read {wording.moment(overview.as_of.isoformat(), overview.zone)}; ids only: no names, no e-mails\n"


def _next(commands: Iterable[str]) -> Iterator[str]:
    typed = list(dict.fromkeys(commands))
    if typed:
        yield f"### Next\n\n{block(typed)}"
