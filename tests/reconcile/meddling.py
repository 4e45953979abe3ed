"""A run, and what others do to its money behind its back: each deed says what a comparison must find of it."""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from billing.core.entries import ItemRecord
from billing.core.findings import Findings
from billing.core.items import FeeBack, Kind, Mode, Refund
from billing.core.money import Money
from billing.core.plans import PlanContext
from billing.core.reconciling.kinds import Kind as Found
from billing.core.records import PlannedLine, RunRecord
from billing.core.wire import WireRequest
from billing.flow.execute import execute
from billing.flow.options import RunOptions
from billing.flow.reconciling.reconcile import Reconciled, reconcile
from billing.flow.reconciling.scope import scope_of
from billing.sandbox import levers
from billing.sandbox.scenario import as_csv
from tests.flow.world import RUN, World

UNDO = "undo-2026-11"
DAY = 86_400
MIX = {"succeeds": 0.75, "debit_succeeds": 0.15, "insufficient_funds": 0.06, "debit_fails": 0.04}


@dataclass(slots=True)
class Meddled:
    """A world, and what is to be found in it: (kind, object) for each difference.

    Attributes:
        world: the bench.
        expected: what was done that differs.
        deeds: what was done, in words.
        items: the lines that no deed has touched yet and that are paid, by how they were paid.
    """

    world: World
    chance: random.Random
    expected: set[tuple[str, str]] = field(default_factory=set)
    deeds: list[str] = field(default_factory=list)
    items: list[ItemRecord] = field(default_factory=list)
    unpaid: list[ItemRecord] = field(default_factory=list)

    @property
    def sandbox(self) -> Any:
        return self.world.sandbox

    def take(self, *, debit: bool | None = None) -> ItemRecord | None:
        """A paid line that nobody has touched."""
        fit = [one for one in self.items if debit is None or self.is_debit(one) == debit]
        if not fit:
            return None
        one = self.chance.choice(fit)
        self.items.remove(one)
        return one

    def is_debit(self, item: ItemRecord) -> bool:
        charge = self.sandbox.world.accounts[item.account]["ch"].peek(item.facts["charge"])
        return "us_bank_account" in charge["payment_method_details"]

    def post(self, path: str, account: str, **params: Any) -> dict[str, Any]:
        return post(self.world, path, account, params)

    async def reconcile(self, *, full: bool = False, run: str = RUN, wire: Any = None) -> Reconciled:
        """Reconcile in a process of its own, and hold its ledger."""
        async with self.world.services(wire=wire) as services:
            done = await reconcile(services, scope_of(services.ledger, Mode.TEST, run, None), rate=1000, full=full)
            assert services.ledger.verify().faults == ()
            return done

    async def known(self, run: str = RUN) -> list[ItemRecord]:
        async with self.world.read() as ledger:
            return [line.item for line in ledger.report(run) if line.item is not None] if ledger.run(run) else []


def post(world: World, path: str, account: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Somebody does something in the Dashboard, or with another program of the platform."""
    headers = {"Authorization": "Bearer sk_test_dashboard000"} | ({"Stripe-Account": account} if account else {})
    request = WireRequest("POST", f"https://api.stripe.com{path}", headers, urlencode(params).encode())
    response = world.sandbox.handle(request).response
    assert response is not None
    body: dict[str, Any] = json.loads(response.body)
    assert response.status == 200, body
    return body


# --- deeds: each takes a line, does something to it, and says what is to be found -----------------------------------


def refund(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        part = {} if one.chance.random() < 0.5 else {"amount": max(1, item.amount // 3)}
        made = one.post("/v1/refunds", item.account, payment_intent=item.object_id, **part)
        one.expected.add((Found.REFUNDED_OUTSIDE, made["id"]))


def refund_that_returns(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        made = one.post("/v1/refunds", item.account, payment_intent=item.object_id)
        levers.fail_refund(one.sandbox, item.account, made["id"])


def fee_given_back(one: Meddled) -> None:
    item = one.take()
    fees = [] if item is None else [row for row in one.sandbox.world.platform["fee"]
                                    if row["charge"] == item.facts["charge"]]  # fmt: skip
    if fees:
        made = one.post(f"/v1/application_fees/{fees[0]['id']}/refunds", "")
        one.expected.add((Found.REFUNDED_OUTSIDE, made["id"]))


def dispute(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        part = {} if one.chance.random() < 0.6 else {"amount": max(1, item.amount // 2)}
        made = levers.open_dispute(one.sandbox, item.account, item.facts["charge"], "product_not_received", **part)
        one.expected.add((Found.DISPUTED, made["id"]))


def dispute_lost(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        made = levers.open_dispute(one.sandbox, item.account, item.facts["charge"])
        levers.end_dispute(one.sandbox, item.account, made["id"], "lost")
        one.expected.add((Found.DISPUTED, made["id"]))


def dispute_won(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        made = levers.open_dispute(one.sandbox, item.account, item.facts["charge"])
        levers.end_dispute(one.sandbox, item.account, made["id"], "won")


def inquiry(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        levers.open_dispute(one.sandbox, item.account, item.facts["charge"], inquiry=True)


def returned(one: Meddled) -> None:
    item = one.take(debit=True)
    if item is not None:
        made = levers.return_debit(one.sandbox, item.account, item.facts["charge"])
        one.expected.add((Found.RETURNED, made["id"]))


def duplicate(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        one.expected.add((Found.DUPLICATE, _again(one, item, item.item_id, item.reference)))


def duplicate_refunded(one: Meddled) -> None:
    item = one.take(debit=False)
    if item is not None:
        name = _again(one, item, item.item_id, item.reference)
        key = "payment_intent" if name.startswith("pi_") else "charge"
        made = one.post("/v1/refunds", item.account, **{key: name})
        one.expected |= {(Found.DUPLICATE, name), (Found.REFUNDED_OUTSIDE, made["id"])}


def added(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        one.expected.add((Found.MISSING_HERE, _again(one, item, "nobody-planned-this", "INV-OTHER")))


def _again(one: Meddled, item: ItemRecord, item_id: str, reference: str) -> str:
    marks = {"billing_item": item_id, "billing_run": RUN, "billing_reference": reference}
    visible = one.chance.random() < 0.5
    made = levers.make_charge(one.sandbox, item.account, item.amount + 7, metadata=marks, intent=visible)
    return str(made["payment_intent"] or made["id"])


def strangers(one: Meddled) -> None:
    item = one.take()
    if item is not None:  # the account's own business is nobody's finding
        levers.make_charge(one.sandbox, item.account, 4_321, intent=one.chance.random() < 0.5)


def amount_changed(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        which = "charge" if one.chance.random() < 0.5 else "intent"
        name = item.facts["charge"] if which == "charge" else item.object_id
        levers.change(one.sandbox, item.account, name, {"amount": item.amount + 100})
        one.expected.add((Found.AMOUNT, str(item.object_id)))


def currency_changed(one: Meddled) -> None:
    item = one.take()
    if item is not None and item.currency == one.sandbox.world.accounts[item.account].body["default_currency"]:
        levers.change(one.sandbox, item.account, item.facts["charge"], {"currency": "sek"})
        one.expected.add((Found.CURRENCY, str(item.object_id)))


def lost_intent(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        levers.lose(one.sandbox, item.account, str(item.object_id))
        one.expected.add((Found.MISSING_THERE, str(item.object_id)))


def lost_charge(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        levers.lose(one.sandbox, item.account, item.facts["charge"])
        one.expected.add((Found.MISSING_THERE, item.facts["charge"]))


def lost_row(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        account = one.sandbox.world.accounts[item.account]
        row = next(row for row in account["txn"] if row["source"] == item.facts["charge"])
        levers.lose(one.sandbox, item.account, row["id"])
        one.expected.add((Found.MISSING_THERE, str(item.object_id)))


def orphan(one: Meddled) -> None:
    item = one.take()
    if item is not None:
        marks = {
            f"metadata[{name}]": value
            for name, value in {
                "billing_item": item.item_id,
                "billing_run": RUN,
                "billing_reference": item.reference,
            }.items()
        }
        made = one.post("/v1/payment_intents", item.account, amount=item.amount, currency=item.currency, **marks)
        one.expected.add((Found.ORPHAN, made["id"]))


def cancelled_elsewhere(one: Meddled) -> None:
    if one.unpaid:
        item = one.unpaid.pop(one.chance.randrange(len(one.unpaid)))
        one.post(f"/v1/payment_intents/{item.object_id}/cancel", item.account)
        one.expected.add((Found.STATE, str(item.object_id)))


DEEDS: tuple[Callable[[Meddled], None], ...] = (
    refund, refund_that_returns, fee_given_back, dispute, dispute_lost, dispute_won, inquiry, returned, duplicate,
    duplicate_refunded, added, strangers, amount_changed, currency_changed, lost_intent, lost_charge, lost_row, orphan,
    cancelled_elsewhere,
)  # fmt: skip


# --- worlds ----------------------------------------------------------------------------------------------------------


async def world(
    folder: Path, seed: int, *, items: int = 14, accounts: int = 3, mix: Mapping[str, float] = MIX
) -> Meddled:
    """A run that was carried out, settled, and of which another run gave back a little."""
    chance = random.Random(f"meddling-{seed}")
    bench = World.make(folder, seed=seed, items=items, accounts=accounts, mix=mix)
    rows = [_abroad(row, chance) for row in bench.scenario.rows]
    bench.file.write_text(as_csv(rows))
    await bench.charge_all()
    bench.sandbox.advance(7 * DAY)
    async with bench.services() as services:
        await bench.settle(services)
    one = Meddled(bench, chance)
    known = await one.known()
    one.items = [item for item in known if str(item.state) == "succeeded"]
    one.unpaid = [item for item in known if str(item.state) == "unpaid"]
    await give_back(one, chance.randrange(3))
    return one


def _abroad(row: Any, chance: random.Random) -> Any:
    """Now and then a line is charged in dollars on an account that is settled in another currency."""
    return replace(row, currency="usd") if row.currency in ("eur", "gbp") and chance.random() < 0.3 else row


async def give_back(one: Meddled, count: int) -> None:
    """A run of ours gives back whole lines: that is no difference, whoever looks."""
    chosen = [item for item in (one.take(debit=False) for _ in range(count)) if item is not None]
    if not chosen:
        return
    async with one.world.services() as services:
        context = PlanContext(
            services.platform, Mode.TEST, "2026-11", UNDO, False, False, Findings(), kind=Kind.REFUND
        )  # fmt: skip
        lines = [PlannedLine(number, (item.reference,), context.item(_back(item), 0, None))
                 for number, item in enumerate(chosen, 2)]  # fmt: skip
        header = {"file": "undo.yaml", "columns": ["reference"], "timezone": "UTC", "totals": {}}
        record = RunRecord(
            UNDO, services.platform, "undo", "2026-11", Mode.TEST, Kind.REFUND, header, "0" * 64, "0" * 64
        )
        await services.ledger.plan_run(record, lines)
        await execute(services, UNDO, RunOptions(), one.world.policies)


def _back(item: ItemRecord) -> Refund:
    money = Money(item.amount, item.currency)
    return Refund(
        item.reference, item.account, item.payer, str(item.object_id), item.facts["charge"], money, FeeBack.REFUND, RUN
    )


def meddle(one: Meddled, deeds: int) -> None:
    """Do this many things, each to a line of its own, some days apart."""
    for _ in range(deeds):
        deed = one.chance.choice(DEEDS)
        one.deeds.append(deed.__name__)
        deed(one)
        one.sandbox.advance(one.chance.choice((0, 3_600, DAY)))


def fail_a_payout(one: Meddled) -> None:
    """A bank returns a payout that carried money of the run; later one may carry it again."""
    accounts = list(one.sandbox.world.accounts.values())
    one.chance.shuffle(accounts)
    for account in accounts:
        paid = [row for row in account["po"] if row["status"] == "paid" and row["automatic"]]
        if paid and one.chance.random() < 0.5:
            levers.fail_payout(one.sandbox, account.id, one.chance.choice(paid)["id"])
            one.deeds.append("payout failed")
            return
