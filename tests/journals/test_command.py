"""`billing export` as it is typed: what it refuses, where it writes, what it says beside the file."""

from pathlib import Path

import pytest

from billing.cli.commands.export import command
from billing.cli.exporting import ExportRequest
from billing.cli.groups import flat, parameters_of
from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.core.journals.formats import FORMATS
from billing.core.journals.roles import Role
from billing.edge.outputs import EXPORT
from billing.flow.reconciling.reconcile import reconcile
from billing.flow.reconciling.scope import scope_of
from tests.flow.world import RUN, World
from tests.journals.books import CHARGE, NUMBERS, every_entry, journal


def _asked(**typed: object) -> ExportRequest:
    return ExportRequest(**({"run": RUN, "period": None, "to": "hledger", "out": None} | typed))


@pytest.mark.parametrize(("typed", "said"), [
    ({"to": None}, "--to one of hledger"),
    ({"to": "Hledgr"}, "did you mean hledger"),
    ({"to": "quicken"}, "did you mean quickbooks|none of hledger"),
    ({"run": None}, "--period"),
    ({"period": "2026-11"}, "--period"),
    ({"currency": "dollars"}, "is no currency"),
    ({"since": "1.11.2026"}, "--since 1.11.2026 is no day"),
    ({"since": "2026-11-02", "until": "2026-11-01"}, "is before"),
    ({"to": "datev"}, "add -o EXTF_export.csv"),
    ({"to": "datev", "out": Path("november.csv")}, "begin with EXTF_"),
])  # fmt: skip
def test_what_cannot_be_written_is_refused_before_anything_is_opened(typed, said):
    with pytest.raises(UsageError, match=said):
        _asked(**typed).require_usable()


def test_help_names_every_format():
    (option,) = [
        each for each in parameters_of(flat(command))["to"].annotation.__metadata__ if hasattr(each, "metavar")
    ]
    assert option.metavar == "|".join(FORMATS)


async def _charged(folder: Path) -> World:
    world = World.make(folder, items=4, accounts=1, mix={"succeeds": 1})
    await world.charge_all()
    return world


async def _compared(world: World) -> None:
    world.sandbox.advance(7 * 86_400)
    async with world.services() as services:
        await reconcile(services, scope_of(services.ledger, Mode.TEST, RUN, None), rate=100_000.0)


async def test_a_journal_goes_to_stdout_or_into_a_file_in_its_code_page(billing):
    await _compared(await _charged(billing.folder))
    numbers = {f"BILLING_EXPORT_{role.upper()}": number for role, number in NUMBERS.items()}
    datev = {"BILLING_EXPORT_DATEV_CONSULTANT": "1001", "BILLING_EXPORT_DATEV_CLIENT": "1"}
    billing.environ |= {"BILLING_LEDGER": "sqlite:///ledger.db", "BILLING_LEDGER_KEY_FILE": "ledger.key"}
    shown = billing("export", RUN, "--to", "hledger")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith(f"; billing export of {RUN}, as compared with Stripe at ")
    older = billing.folder / "EXTF_november.csv"
    older.write_text('"EXTF";700;21;"Buchungsstapel";13;2026;;"CB";"billing";""\r\n')
    made = billing("export", RUN, "--to", "datev", "-o", older.name, environ=numbers | datev)
    assert (made.code, made.out) == (0, "")
    assert f"{older.name}: written" in made.err
    written = older.read_bytes()
    assert "Gegenkonto (ohne BU-Schlüssel)".encode("cp1252") in written
    assert written.endswith(b"\r\n")
    refused = billing("export", RUN, "--to", "datev", "-o", older.name)
    assert (refused.code, older.read_bytes()) == (2, written)
    assert all(f'export.{role} "' in refused.err for role in Role)


NO_EXPORTS = (
    "reference,customer,account\nINV-1,cus_1,acct_1\n",
    "; my books\n",
    '"EXTF";700;21;"Buchungsstapel"\r\n',
    "*Narration,*Date,Description\nRent,1/11/2026,\n",
    "JournalNo,JournalDate,AccountName\n1,2,3\n",
)


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_is_known_again_and_nothing_else_is_taken_for_one(to):
    text = "".join(FORMATS[to].write(journal(every_entry([CHARGE], to))))
    assert EXPORT.is_own(text.encode(FORMATS[to].encoding))
    for other in NO_EXPORTS:
        assert not EXPORT.is_own(other.encode())
