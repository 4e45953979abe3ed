"""Renewals are Stripe's; `billing settle` notes beside each line of a run what has become of them."""

from functools import partial
from pathlib import Path

from billing.core.entries import ItemRecord, Note
from billing.core.objects.renewal import Trouble
from billing.flow.attention import needs_somebody
from billing.flow.report import describe, known_run
from billing.sandbox.faults import FaultKind
from tests.flow.subscribe_world import DAY, LIST, SubscribeWorld
from tests.flow.test_linked import subscribed
from tests.flow.world import RUN
from tests.virtual import run_virtually


def settled(bench: SubscribeWorld) -> list[ItemRecord]:
    """Settle the run in a runner of its own, and return its items."""
    run_virtually(partial(bench.go_on, "settle"))
    return run_virtually(bench.items)


async def _told(bench: SubscribeWorld) -> list[tuple[dict[str, str], bool]]:
    async with bench.world.read() as ledger:
        record = known_run(ledger, RUN)
        return [(describe(line, record), needs_somebody(line, record)) for line in ledger.report(RUN)]


def notes(bench: SubscribeWorld) -> int:
    async def count() -> int:
        async with bench.world.read() as ledger:
            return sum(entry.name == Note.RENEWAL_SEEN for entry in ledger.entries())

    return run_virtually(count)


def test_a_renewal_that_failed_stands_beside_its_line_with_what_helps_until_it_is_paid(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    broken, *_ = run_virtually(bench.items)
    bench.post(f"/v1/payment_methods/{broken.facts['clone']}/detach", broken.account)
    bench.sandbox.advance(32 * DAY)
    settled(bench)
    (first, asks), *others = run_virtually(partial(_told, bench))
    assert (first["status"], first["subscription_status"], first["reason_code"]) == (
        "succeeded",
        "past_due",
        Trouble.RETRYING,
    )
    assert "billing sync" in first["what_to_do"]
    assert asks
    assert [(told["subscription_status"], told["reason_code"], wants) for told, wants in others] == [
        ("active", "", False)
    ] * 2
    assert first["current_period_end"] > "2026"


def test_what_is_known_already_is_noted_no_second_time_and_each_account_is_listed_once(tmp_path: Path) -> None:
    bench = subscribed(tmp_path)
    settled(bench)
    assert notes(bench) == 0, "nothing has changed since they were subscribed"
    bench.sandbox.advance(32 * DAY)
    before = bench.sent(LIST)
    settled(bench)
    assert bench.sent(LIST) == before + 2
    assert notes(bench) == 3
    settled(bench)
    assert notes(bench) == 3


def test_an_account_that_cannot_be_listed_is_left_for_the_next_time(tmp_path: Path) -> None:
    bench = subscribed(tmp_path, payers=2, accounts=2)
    bench.sandbox.advance(32 * DAY)
    bench.world.script(FaultKind.UNAVAILABLE_503, LIST, times=5)
    settled(bench)
    assert notes(bench) == 1
    settled(bench)
    assert notes(bench) == 2


def test_the_reason_goes_once_the_renewal_is_paid(tmp_path: Path) -> None:
    bench = subscribed(tmp_path, payers=1, accounts=1)
    (item,) = run_virtually(bench.items)
    customer = item.facts["connected_customer"]
    bench.post(f"/v1/payment_methods/{item.facts['clone']}/detach", item.account)
    bench.sandbox.advance(32 * DAY)
    assert settled(bench)[0].facts["reason_code"] == Trouble.RETRYING
    card = bench.post("/v1/payment_methods/pm_card_visa/attach", item.account, customer=customer)["id"]
    bench.post(f"/v1/customers/{customer}", item.account, **{"invoice_settings[default_payment_method]": card})
    bench.sandbox.advance(5 * DAY)
    facts = settled(bench)[0].facts
    assert (facts["subscription_status"], facts.get("reason_code"), facts.get("what_to_do")) == ("active", None, None)
