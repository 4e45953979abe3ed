"""One ledger from every folder of a project, and none chosen where two could be meant."""

import pytest
from cli_tools import KEY, RUN

from tests.conftest import Billing

CHARGE = ("--yes", "--rate", "200", "--limit", "2")


@pytest.fixture
def below(billing, rehearsal) -> Billing:
    """The same command, started in a folder below the one with the sheet."""
    billing.environ |= {"STRIPE_API_KEY": KEY}
    (billing.folder / "sub").mkdir()
    lower = Billing.__new__(Billing)
    lower.folder, lower.environ = billing.folder / "sub", billing.environ
    return lower


def ledgers(billing) -> list[str]:
    return sorted(str(path.relative_to(billing.folder)) for path in billing.folder.rglob("billing.db"))


@pytest.mark.parametrize("first", ["above", "below"])
@pytest.mark.parametrize("settings", [True, False], ids=["with settings", "without"])
def test_a_run_is_the_same_from_its_folder_and_from_one_below(billing, below, rehearsal, settings, first):
    if settings:
        (billing.folder / "billing.yaml").write_text("timezone: Europe/Berlin\n")
    names = [(billing, "rehearsal.csv"), (below, "../rehearsal.csv")]
    (one, its), (other, others) = names if first == "above" else names[::-1]
    assert one("run", its, *RUN, *CHARGE).code in (4, 5)
    assert other("run", others, *RUN, *CHARGE).code in (4, 5)
    assert other("status").out == one("status").out
    assert ledgers(billing) == ["billing.db"]
    assert len(rehearsal.ask("books")["intents"]) == 4


def test_a_ledger_in_this_folder_goes_on_being_used_and_of_two_none_is_chosen(billing, below, rehearsal):
    (billing.folder / "billing.yaml").write_text("timezone: Europe/Berlin\n")
    here = ("--ledger", "sqlite:///billing.db")
    assert below("run", "../rehearsal.csv", *RUN, *CHARGE, *here).code in (4, 5)
    assert below("run", "../rehearsal.csv", *RUN, *CHARGE).code in (4, 5)
    assert ledgers(billing) == ["sub/billing.db"]
    billing("plan", "rehearsal.csv", *RUN)
    for args in (("run", "../rehearsal.csv", *RUN, *CHARGE), ("status",)):
        refused = below(*args)
        assert (refused.code, refused.out) == (2, "")
        assert str(billing.folder / "billing.db") in refused.err
        assert str(billing.folder / "sub" / "billing.db") in refused.err
    assert below("status", *here).code == below("check", "../rehearsal.csv", *RUN).code == 0


def test_a_ledger_by_a_run_file_elsewhere_is_named_and_not_passed_by(billing, below):
    billing("plan", "rehearsal.csv", *RUN)
    aside = replace_folder(below, billing.folder.parent / f"{billing.folder.name}-aside")
    refused = aside("run", str(billing.folder / "rehearsal.csv"), *RUN, *CHARGE)
    assert (refused.code, f"--ledger sqlite:///{billing.folder / 'billing.db'}" in refused.err) == (2, True)
    assert not list(aside.folder.iterdir())
    named = f"sqlite:///{billing.folder / 'billing.db'}"
    assert aside("run", str(billing.folder / "rehearsal.csv"), *RUN, *CHARGE, "--ledger", named).code in (4, 5)


def replace_folder(billing: Billing, folder) -> Billing:
    folder.mkdir()
    other = Billing.__new__(Billing)
    other.folder, other.environ = folder, billing.environ
    return other


def test_no_output_goes_over_the_ledger_that_is_meant_even_when_forced(billing, below):
    billing("plan", "rehearsal.csv", *RUN)
    before = (billing.folder / "billing.db").read_bytes()
    refused = below("plan", "../rehearsal.csv", *RUN, "-o", "../billing.db", "--force")
    assert (refused.code, (billing.folder / "billing.db").read_bytes()[:16]) == (2, before[:16])


def test_neither_settings_nor_ledgers_of_a_folder_that_others_write_to_are_taken(billing, below):
    (billing.folder / "billing.yaml").write_text("timezone: nowhere\n")
    assert below("status").code == 3
    billing.folder.chmod(0o777)
    assert below("check", "../rehearsal.csv", *RUN).code == 0
