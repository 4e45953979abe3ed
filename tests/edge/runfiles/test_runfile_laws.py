"""Laws over generated input: what is accepted keeps every value, what is not accepted never crashes."""

import csv
import io
from functools import wraps
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.core.cells import neutral
from billing.core.errors import InvalidInput
from billing.core.items import Charge
from billing.core.money import CURRENCIES, Money, format_minor
from billing.edge.runfiles import open_run
from billing.edge.runfiles.reading.byte_stream import ByteStream, decoded, new_digest
from billing.edge.runfiles.reading.spool import Spool
from billing.edge.texts.problems import Unreadable
from billing.edge.texts.safe_text import quoted, sensitive
from tests.fuzz.laws import LAWS

COLUMNS = ("reference", "customer", "payment_method", "account", "amount", "currency", "application_fee", "description")
EXAMPLES = 30
WORDS = st.text(st.characters(categories=["L", "Nd", "P", "S"], exclude_characters="@＠"), min_size=1, max_size=30)
IDS = st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True)


@st.composite
def charges(draw: st.DrawFn) -> Charge:
    """Any charge a file can describe, without long digit runs that could be a card number."""
    row = CURRENCIES[draw(st.sampled_from(sorted(CURRENCIES)))]
    minor = draw(st.integers(1, 10**8)) * row.step
    text = draw(st.none() | WORDS.filter(lambda word: sensitive(word) is None))
    return Charge(
        reference=draw(
            st.from_regex(r"[A-Za-z][A-Za-z0-9._:/#+=-]{0,30}", fullmatch=True).filter(lambda r: not sensitive(r))
        ),
        account="acct_" + draw(IDS),
        customer="cus_" + draw(IDS),
        payment_method=draw(st.none() | IDS.map("pm_{}".format)),
        amount=Money(minor, row.code),
        application_fee=draw(st.none() | st.integers(1, minor // row.step).map(lambda fee: fee * row.step)),
        description=text,
    )


def _cells(charge: Charge) -> list[str]:
    code = charge.amount.currency
    fee = "" if charge.application_fee is None else format_minor(charge.application_fee, code)
    amount = format_minor(charge.amount.minor, code)
    ids = [charge.reference, charge.customer, charge.payment_method or "", charge.account]
    return [*ids, amount, code.upper(), fee, charge.description or ""]


@settings(max_examples=60, deadline=None)
@given(st.lists(charges(), max_size=8, unique_by=lambda charge: charge.reference), st.sampled_from(["\n", "\r\n"]))
def test_what_a_csv_writer_writes_is_read_back_value_by_value(tmp_path_factory, items: list[Charge], end: str):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=end)
    writer.writerow(COLUMNS)
    writer.writerows(_cells(charge) for charge in items)
    path = tmp_path_factory.mktemp("law") / "run.csv"
    path.write_bytes(out.getvalue().encode())
    with open_run(path, run_id="law-2026", allow_empty=True) as run_file:
        assert [line.item for line in run_file.lines()] == items


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text("refncutom,aypd_i\n\r\"'; \t\0{}[]&*!:-#1é", max_size=300).map(str.encode))
@pytest.mark.parametrize("suffix", [".csv", ".yaml"])
def test_arbitrary_bytes_never_crash_a_reader(tmp_path_factory, suffix: str, content: bytes):
    path = tmp_path_factory.mktemp("fuzz") / f"run{suffix}"
    path.write_bytes(content)
    try:
        open_run(path, run_id="fuzz-2026" if suffix == ".csv" else None).close()
    except InvalidInput as refused:
        found = refused.problems
    else:
        found = ()
    # Acceptance or problems with their places: never wrong usage, never a traceback.
    assert all(problem.message and problem.code for problem in found)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*'",;\n\r', "\r\n", "x", "INV-9", "cus_A1", "acct_A1", "5.00", "USD"]), max_size=40))
def test_line_noise_never_hides_a_charge(tmp_path_factory, noise: list[str]):
    head, good = "reference,customer,account,amount,currency\n", "INV-1,cus_A1,acct_A1,5.00,USD\n"
    path = tmp_path_factory.mktemp("noise") / "run.csv"
    path.write_text(head + good + "".join(noise) + "\n" + good.replace("INV-1", "INV-2"), newline="")
    try:
        with open_run(path, run_id="noise-2026") as run_file:
            found = [line.item.reference for line in run_file.lines() if line.item]
    except InvalidInput:
        return
    assert found[0] == "INV-1"
    assert found[-1] == "INV-2"


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_the_readers_keep_their_laws(law, record_property, monkeypatch):
    # A million of these: python -m tests.fuzz --examples 1000000
    judged, inner = [], law.hypothesis.inner_test

    @wraps(inner)
    def counted(*args, **kwargs):
        inner(*args, **kwargs)
        judged.append(law)

    monkeypatch.setattr(law.hypothesis, "inner_test", counted)
    settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])(law)()
    assert len(judged) >= EXAMPLES
    record_property("evidence", f"run files by grammar: {EXAMPLES} examples, 0 accepted but changed")


@given(st.text())
def test_a_quoted_text_is_one_printable_line(text: str):
    assert quoted(text).isprintable()


@given(st.from_regex(r"4[0-9]{15}", fullmatch=True))
def test_a_card_number_is_found_whatever_separates_its_groups(digits: str):
    groups = [digits[place : place + 4] for place in range(0, 16, 4)]
    found = {sensitive(separator.join(groups)) is None for separator in ("", " ", "-", ".")}
    assert len(found) == 1


@pytest.mark.parametrize("number", ["4242424242424242", "5555555555554444", "2223003122003222", "378282246310005",
                                    "6011111111111117", "30569309025904", "3566002020360505",
                                    "6200000000000005"])  # fmt: skip
def test_the_schemes_numbers_are_known(number: str):
    assert sensitive(f"paid with {number}.") == ("card_data", "a card number")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutral(first: str):
    assert neutral(f"{first}1+1") == f"'{first}1+1"
    assert neutral("plain =1") == "plain =1"


def test_a_spool_gives_back_what_it_took_in_order(tmp_path: Path):
    spool = Spool(tmp_path)
    records = [(number, ("é" * number, None), number % 2 == 0) for number in range(1000)]
    for record in records:
        spool.append(record)
    spool.flush()
    assert list(spool) == list(spool) == records
    spool.close()


def test_a_file_beyond_the_limit_is_refused_wherever_the_limit_falls():
    for largest in range(9):
        with pytest.raises(Unreadable, match="larger than"):
            decoded(ByteStream(io.BytesIO(b"123456789"), new_digest(), largest)).read()
    assert decoded(ByteStream(io.BytesIO(b"123456789"), new_digest(), 9)).read() == "123456789"


@given(st.text(max_size=50), st.binary(min_size=1, max_size=3), st.text(max_size=50))
def test_the_offset_of_a_byte_that_is_not_text_is_exact(before: str, bad: bytes, after: str):
    content = before.encode() + bad + after.encode()
    tap = ByteStream(io.BytesIO(content), new_digest())
    try:
        expected = None if content.decode("utf-8-sig") is not None else 0
    except UnicodeDecodeError as error:
        bom = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        expected = error.start + (bom if error.object != content else 0)
    if expected is None or b"\0" in content or content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return
    with pytest.raises(UnicodeDecodeError) as refused:
        decoded(tap).read()
    assert f"offset {expected} " in tap.undecodable(refused.value).fault.message
