"""What billing writes, hledger and beancount read, and count the same, whatever a reference holds."""

import csv
import io
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from billing.core.journals.formats import FORMATS
from billing.core.journals.roles import Role
from billing.core.journals.transactions import Transaction
from billing.core.money import format_minor
from tests.journals.books import CHARGE, NAMES, every_entry, journal, movements, sums
from tests.programs import program

BEAN_CHECK = Path(sys.executable).with_name("bean-check")
PROGRAM_EXAMPLES = settings(
    max_examples=4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking starts a program hundreds of times
)


def _hledger(text: str, *args: str) -> str:
    done = subprocess.run(
        [program("hledger", "hledger"), "-f", "-", *args], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def _bean_check(folder: Path, text: str) -> str:
    """What bean-check complains of; nothing of a sound file."""
    (folder / "main.beancount").write_text(text, encoding="utf-8")
    done = subprocess.run([BEAN_CHECK, folder / "main.beancount"], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr


def _written(to: str, made: Sequence[Transaction], **how: object) -> str:
    return "".join(FORMATS[to].write(journal(made, **how)))


def _amounts(held: dict[tuple[str, str], int]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for (name, currency), minor in held.items():
        found.setdefault(name, set()).add(f"{format_minor(minor, currency)} {currency.upper()}")
    return found


@PROGRAM_EXAMPLES
@given(movements(30, 40))
def test_hledger_takes_every_journal_strictly_and_has_our_balances(found):
    made = every_entry(found)
    text = _written("hledger", made)
    rows = csv.reader(io.StringIO(_hledger(text, "balance", "--strict", "--flat", "--no-total", "-O", "csv")))
    next(rows)
    assert {name: set(amounts.split(", ")) for name, amounts in rows} == _amounts(sums(made))


@PROGRAM_EXAMPLES
@given(movements(30, 40))
@example([replace(CHARGE, currency="jpy", amount=1000, net=940, presented=700, presented_currency="eur")])
def test_beancount_takes_every_journal_and_has_our_balances(tmp_path, found):
    made = every_entry(found, "beancount")
    day = journal(made).last + timedelta(days=1)
    held = sums(made)
    used = {(posting.name, posting.currency) for entry in made for posting in entry.postings}
    # Without a tolerance of its own an assertion lets a minor unit pass.
    stated = (
        f"{day} balance {name}  {format_minor(held.get((name, code), 0), code)} ~ 0 {code.upper()}\n"
        for name, code in used
    )
    assert _bean_check(tmp_path, _written("beancount", made) + "\n" + "".join(stated)) == ""


def test_a_minor_unit_too_much_is_noticed_by_both(tmp_path):
    wrong = every_entry([CHARGE])
    text = _written("hledger", wrong).replace("11.74 USD", "11.75 USD")
    with pytest.raises(AssertionError, match="balance"):
        _hledger(text, "check")
    text = _written("beancount", every_entry([CHARGE], "beancount"))
    assert _bean_check(tmp_path, text) == ""
    assert "does not balance" in _bean_check(tmp_path, text.replace("11.74 USD", "11.75 USD"))
    day = journal(wrong).last + timedelta(days=1)
    assert "Balance failed" in _bean_check(tmp_path, f"{text}\n{day} balance Assets:Stripe:Acct-1A 11.75 ~ 0 USD\n")


def test_hledger_finds_an_entry_by_its_id_and_beancount_reads_two_files_of_which_one_declares(tmp_path):
    made = every_entry([CHARGE])
    assert "income:sales:acct_1A" in _hledger(_written("hledger", made), "print", "code:txn_1")
    assert _hledger(_written("hledger", made), "print", "code:txn_2") == ""
    made = every_entry([CHARGE], "beancount")
    (tmp_path / "beside.beancount").write_text(_written("beancount", made, declare=False))
    assert _bean_check(tmp_path, _written("beancount", made) + '\ninclude "beside.beancount"\n') == ""


def test_a_reference_is_no_comment_of_hledgers():
    made = every_entry([replace(CHARGE, reference="a; date:2020-01-01")])
    assert _hledger(_written("hledger", made), "descriptions") == "Charge a, date:2020-01-01\n"


def test_names_of_the_settings_are_valid_in_both_and_others_are_refused():
    for to in ("hledger", "beancount"):
        for role in Role:
            assert FORMATS[to].account(NAMES[role].replace("{account}", "acct_1A"))
    for to, name in (
        ("hledger", "assets:a  b"), ("hledger", "assets:a;b"), ("hledger", "(assets)"), ("hledger", "assets::b"),
        ("hledger", "assets:\nb"), ("hledger", ""), ("beancount", "revenue:sales"), ("beancount", "assets"),
        ("beancount", "assets:é"), ("beancount", "assets:a;b"), ("datev", "assets:stripe"), ("datev", "136"),
        ("xero", "assets:stripe"), ("quickbooks", "a::b"), ("csv", ""),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=" "):
            FORMATS[to].account(name)
