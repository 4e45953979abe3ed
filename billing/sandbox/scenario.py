"""A platform to rehearse on: accounts, customers, saved methods, and items whose right ending is known beforehand."""

import csv
import io
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from billing.sandbox import customers, instruments, methods
from billing.sandbox.accounts import account_body, revoke
from billing.sandbox.config import ConfigProblem
from billing.sandbox.model import Sandbox
from billing.sandbox.tariff import units
from billing.sandbox.world import Account, Call

FEE_SHARE = 20  # the platform takes a twentieth
COUNTRIES = (("US", "usd"), ("DE", "eur"), ("US", "usd"), ("GB", "gbp"), ("US", "usd"), ("JP", "jpy"))
SMALLEST, LARGEST = 5, 400  # major units of a usual item; times 100 in a currency without minor units


class Expected(StrEnum):
    """How an item must end, in the words of a run's report."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    DECLINED = "declined"
    NEEDS_CUSTOMER = "needs_customer"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of item: the test method it pays with and how it must end.

    Attributes:
        settled: how a bank debit ends days later.
    """

    method: str
    expected: Expected
    settled: Expected | None = None


OUTCOMES: dict[str, Outcome] = {
    "succeeds": Outcome("pm_card_visa", Expected.SUCCEEDED),
    "succeeds_mastercard": Outcome("pm_card_mastercard", Expected.SUCCEEDED),
    "insufficient_funds": Outcome("pm_sandbox_decline_insufficient_funds", Expected.DECLINED),
    "do_not_honor": Outcome("pm_sandbox_decline_do_not_honor", Expected.DECLINED),
    "expired_card": Outcome("pm_sandbox_decline_expired_card", Expected.NEEDS_CUSTOMER),
    "stolen_card": Outcome("pm_sandbox_decline_stolen_card", Expected.NEEDS_CUSTOMER),
    "blocked_by_radar": Outcome("pm_sandbox_block_highest_risk_level", Expected.DECLINED),
    "authentication_required": Outcome("pm_card_authenticationRequired", Expected.NEEDS_CUSTOMER),
    "debit_succeeds": Outcome("pm_usBankAccount_success", Expected.PROCESSING, Expected.SUCCEEDED),
    "debit_fails": Outcome("pm_usBankAccount_insufficientFunds", Expected.PROCESSING, Expected.DECLINED),
    "not_clonable": Outcome("pm_sandbox_link", Expected.FAILED),
}

USUAL_MIX: dict[str, float] = {  # shares of a healthy month, roughly
    "succeeds": 0.80, "succeeds_mastercard": 0.08, "insufficient_funds": 0.04, "do_not_honor": 0.01,
    "expired_card": 0.01, "stolen_card": 0.01, "authentication_required": 0.02, "debit_succeeds": 0.02,
    "debit_fails": 0.01,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the rehearsal.

    Attributes:
        amount_minor: minor units of ``currency``; so is ``fee_minor``.
        outcome: its kind, a key of ``OUTCOMES``; ``expected`` already takes a dead account into account.
        settled: how it ends once the clock has moved on, where that differs.
    """

    reference: str
    customer: str
    payment_method: str
    account: str
    amount_minor: int
    currency: str
    fee_minor: int
    description: str
    outcome: str
    expected: Expected
    settled: Expected | None


@dataclass(frozen=True, slots=True)
class ScenarioSpec:
    """What to build.

    Attributes:
        seed: the same seed on a fresh sandbox builds the same, down to the ids.
        accounts: connected accounts that can charge; ``dead_accounts`` more cannot.
        items_per_customer: items that share a customer and a payment method.
        mix: outcome to its share; shares need not add up to 1.
    """

    seed: int = 1
    accounts: int = 5
    dead_accounts: int = 0
    items: int = 100
    items_per_customer: int = 1
    mix: Mapping[str, float] = field(default_factory=lambda: USUAL_MIX)
    prefix: str = "INV"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What was built."""

    accounts: tuple[str, ...]
    dead_accounts: tuple[str, ...]
    rows: tuple[Row, ...]

    def as_csv(self) -> str:
        """The rows as a run file."""
        return as_csv(self.rows)


def connect(
    sandbox: Sandbox, *, country: str = "US", currency: str = "usd", charges: bool = True, debits: bool = True
) -> Account:  # fmt: skip
    """A new connected account; ``charges`` and ``debits`` are its capabilities."""
    wanted = sandbox.world.ids.new("acct_1", 15)
    body = account_body(
        wanted, country=country, currency=currency, created=sandbox.world.seconds, charges=charges, debits=debits,
        name=f"Account {len(sandbox.world.accounts) + 1}", descriptor="COACHING",
    )  # fmt: skip
    account = sandbox.world.accounts[wanted] = Account(wanted, body)
    return account


def save_customer(sandbox: Sandbox, test_method: str = "pm_card_visa") -> tuple[str, str]:
    """A platform customer with one saved payment method, its default; the ids of both.

    ``test_method`` is a name of ``testmethods``. Methods that decline on saving are saved all the same.
    """
    call = Call(sandbox.world, sandbox.world.platform, connected=False, livemode=False, ids=(), params={})
    customer = customers.made(call)
    method = methods.make(call, instruments.named(test_method, customer["id"]))  # everybody has a card of their own
    method["customer"] = customer["id"]
    call.account.instruments[method["id"]].was_attached = True
    customer["invoice_settings"]["default_payment_method"] = method["id"]
    return customer["id"], method["id"]


def build(sandbox: Sandbox, spec: ScenarioSpec) -> Scenario:
    """Build accounts, customers and methods, and name the items that can be charged with them.

    Raises:
        ConfigProblem: an outcome that does not exist, or nothing to charge on.
    """
    unknown = sorted(set(spec.mix) - set(OUTCOMES))
    if unknown or spec.accounts < 1:
        raise ConfigProblem(
            f"sandbox scenario: unknown outcome {unknown[0]!r}" if unknown else "sandbox scenario: no account"
        )
    chance = random.Random(f"scenario-{spec.seed}")  # noqa: S311  repeatable by design, guards nothing
    alive = [_connected(sandbox, n) for n in range(spec.accounts)]
    dead = [_dead(sandbox, n) for n in range(spec.dead_accounts)]
    rows: list[Row] = []
    while len(rows) < spec.items:
        outcome = chance.choices(list(spec.mix), list(spec.mix.values()))[0]
        customer, method = save_customer(sandbox, OUTCOMES[outcome].method)
        for _ in range(min(spec.items_per_customer, spec.items - len(rows))):
            account = _account_for(OUTCOMES[outcome], alive, dead, chance)
            rows.append(_row(spec, len(rows) + 1, outcome, (customer, method), account, chance))
    return Scenario(tuple(each.id for each in alive), tuple(each.id for each in dead), tuple(rows))


def _connected(sandbox: Sandbox, n: int) -> Account:
    country, currency = COUNTRIES[n % len(COUNTRIES)]
    return connect(sandbox, country=country, currency=currency)


def _dead(sandbox: Sandbox, n: int) -> Account:
    """Every other dead account has lost its capability; the rest have thrown the platform out."""
    account = connect(sandbox, charges=n % 2 == 1)
    if n % 2:
        revoke(account)
    return account


def _account_for(outcome: Outcome, alive: list[Account], dead: list[Account], chance: random.Random) -> Account:
    """Any account, but a bank debit needs a US one."""
    everyone = alive + dead
    if outcome.method.startswith("pm_usBankAccount"):
        everyone = [account for account in alive if account.active("us_bank_account_ach_payments")]
    return chance.choice(everyone)


def _row(
    spec: ScenarioSpec, number: int, outcome: str, payer: tuple[str, str], account: Account, chance: random.Random
) -> Row:  # fmt: skip
    currency = account.body["default_currency"]
    amount = chance.randint(SMALLEST * 100, LARGEST * 100)
    amount -= amount % (10 if units(currency) > 100 else 1)
    alive = account.connected and account.body["charges_enabled"]
    known = OUTCOMES[outcome]
    return Row(
        f"{spec.prefix}-{number:05d}", payer[0], payer[1], account.id, amount, currency, amount // FEE_SHARE,
        f"Item {number}", outcome, known.expected if alive else Expected.SKIPPED, known.settled if alive else None,
    )  # fmt: skip


COLUMNS = ("reference", "customer", "payment_method", "account", "amount", "currency", "application_fee", "description")


def as_csv(rows: Iterable[Row]) -> str:
    """Rows as a run file in CSV, amounts in major units."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([
            row.reference, row.customer, row.payment_method, row.account, major(row.amount_minor, row.currency),
            row.currency.upper(), major(row.fee_minor, row.currency), row.description,
        ])  # fmt: skip
    return text.getvalue()


def major(minor: int, currency: str) -> str:
    """Minor units as the decimal text of a run file: 1099 usd is ``10.99``, 1099 jpy is ``1099``."""
    scale = units(currency)
    return str((Decimal(minor) / scale).quantize(Decimal(1) / scale))
