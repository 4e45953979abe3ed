"""The whole way with the real commands: a sheet of payers, their links from the report, the page, a browser, settle."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from browser_tools import ASKS_FOR_3DS, DECLINED, GOOD

from tests.conftest import Billing

pytestmark = pytest.mark.asyncio(loop_scope="module")
KEY, RUN = "sk_test_wholeway12345678", "members-2026-12"
CANARY = "canaryxq7"
SHEET = f"""reference,email,name,description,types,locale,first_payment,currency
MEM-1,{CANARY}1@payer.example,Jane {CANARY},Coaching,card,en,,
MEM-2,{CANARY}2@payer.example,Jane {CANARY},Coaching,card us_bank_account,de,,
MEM-3,{CANARY}3@payer.example,Jane {CANARY},Coaching,card,fr,,
MEM-4,{CANARY}4@payer.example,Jane {CANARY},Coaching,card,,,
MEM-5,{CANARY}5@payer.example,Jane {CANARY},Coaching,card,,,
MEM-6,{CANARY}6@payer.example,Jane {CANARY},Coaching,card,,,
MEM-7,{CANARY}7@payer.example,Jane {CANARY},Coaching,card,en,19.00,USD
"""
SAVED = ("MEM-1", "MEM-2", "MEM-3", "MEM-7")


@dataclass
class Whole:
    """The commands in a folder, what they wrote on their streams, and a browser's tab."""

    billing: Billing
    page: Any
    written: list[str] = field(default_factory=list)

    async def run(self, *args: str) -> str:
        """Run a command to its end, and return its stdout."""
        ended = await asyncio.to_thread(self.billing, *args, "--log-level", "debug", "--log-format", "json")
        self.written += [ended.out, ended.err]
        assert ended.code in (0, 5), ended.err
        return ended.out

    async def report(self) -> dict[str, dict[str, Any]]:
        """Return the report's lines by reference."""
        path = self.billing.folder / "report.json"
        ended = await asyncio.to_thread(self.billing, "report", RUN, "-o", str(path), "--force")
        assert ended.code == 0, ended.err
        return {row["input"]["reference"]: row for row in json.loads(path.read_text())}

    def ask(self, path: str) -> Any:
        """Ask the sandbox as Stripe would be asked."""
        url = self.billing.environ["BILLING_API_BASE"] + path
        with urlopen(Request(url, headers={"Authorization": f"Bearer {KEY}"}), timeout=10) as got:  # noqa: S310
            return json.loads(got.read())

    async def type_card(self, link: str, number: str = GOOD) -> None:
        await self.page.goto(link)
        await self.type_again(number)

    async def type_again(self, number: str) -> None:
        frame = self.page.frame_locator('iframe[title="Secure payment input frame"]')
        await frame.get_by_label("Card number").fill(number)
        await frame.get_by_label("Expiration date").fill("12 / 34")
        await frame.get_by_label("Security code").fill("123")
        await self.page.locator("#save[aria-disabled=false]").click()

    async def heading(self, text: str) -> None:
        await self.page.get_by_role("heading", level=1, name=text, exact=True).wait_for()


@asynccontextmanager
async def started(billing: Billing, *args: str) -> AsyncIterator[tuple[Any, str]]:
    """Start a command that serves, and give it with the first line it says; its streams go to files."""
    process = await asyncio.to_thread(billing.start, *args)
    first = await asyncio.to_thread(process.stdout.readline)
    # A stream that nobody reads would hold the command up once it is full.
    reading = [asyncio.create_task(asyncio.to_thread(stream.read)) for stream in (process.stdout, process.stderr)]
    try:
        yield process, first
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, timeout=30)
        out, err = [await each for each in reading]
        process.stdout.close()
        process.stderr.close()
        (billing.folder / f"{args[0]}.out").write_text(first + out)
        (billing.folder / f"{args[0]}.err").write_text(err)


@asynccontextmanager
async def whole_way(folder: Path, browser: Any, port: int) -> AsyncIterator[Whole]:
    billing, page = Billing(folder), f"http://127.0.0.1:{port}"
    (folder / "members.csv").write_text(SHEET)
    billing.environ |= {
        "STRIPE_API_KEY": KEY,
        "STRIPE_PUBLISHABLE_KEY": "pk_test_wholeway12345678",
        "BILLING_COLLECT_PUBLIC_URL": page,
        "BILLING_COLLECT_LISTEN": page.removeprefix("http://"),
        "BILLING_COLLECT_BUSINESS": "Northwind Coaching",
        "BILLING_COLLECT_SUPPORT": "billing@northwind.example",
    }
    async with started(billing, "sandbox", "--port", "0") as (_, said):
        billing.environ["BILLING_API_BASE"] = said.strip().removeprefix("export BILLING_API_BASE=")
        tab = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
        tab.set_default_timeout(30_000)
        yield Whole(billing, await tab.new_page())
        await tab.close()


async def answered_by_everybody(whole: Whole, links: dict[str, str]) -> None:
    """Have each payer do something else: save, be declined first, authenticate, refuse, leave, never come, pay."""
    page = whole.page
    await whole.type_card(links["MEM-1"])
    await whole.heading("Saved. Thank you.")
    await whole.type_card(links["MEM-2"], DECLINED)
    await page.locator("[data-message=declined]:visible").wait_for()
    await whole.type_again(GOOD)
    await whole.heading("Gespeichert. Vielen Dank.")
    await whole.type_card(links["MEM-3"], ASKS_FOR_3DS)
    await page.get_by_role("button", name="Complete").click()
    await whole.heading("Enregistré. Merci.")
    await whole.type_card(links["MEM-4"], ASKS_FOR_3DS)
    await page.get_by_role("button", name="Fail").click()
    await whole.heading("Your bank did not accept this.")
    await page.goto(links["MEM-5"])
    await page.locator("#save[aria-disabled=false]").wait_for()
    await whole.type_card(links["MEM-7"])
    await whole.heading("Paid and saved. Thank you.")
    assert "USD 19.00" in await page.locator("main").inner_text()
    await page.goto(links["MEM-1"])
    await whole.heading("Already done")


async def test_payers_of_a_sheet_are_saved_by_the_links_of_its_report_once_and_named_nowhere(
    tmp_path, browser, free_port
):
    async with whole_way(tmp_path, browser, free_port) as whole:
        await whole.run("run", "members.csv", "--run", RUN, "--yes")
        before = await whole.report()
        async with started(whole.billing, "collect", "--log-level", "debug", "--log-format", "json"):
            await answered_by_everybody(whole, {name: row["link"] for name, row in before.items()})
        await whole.run("settle")
        await whole.run("run", "members.csv", "--run", RUN, "--yes")
        after = await whole.report()
        assert {name for name, row in after.items() if row["status"] == "succeeded"} == set(SAVED)
        assert {row["status"] for name, row in after.items() if name not in SAVED} == {"processing"}
        for name in SAVED:
            customer = whole.ask(f"/v1/customers/{after[name]['customer']}")
            assert customer["invoice_settings"]["default_payment_method"] == after[name]["payment_method"]
        assert len(whole.ask("/v1/customers?limit=100")["data"]) == len(before)
        assert len(whole.ask("/v1/setup_intents?limit=100")["data"]) == 5
        assert len(whole.ask("/v1/payment_intents?limit=100")["data"]) == 1
        links = [row["link"].rpartition("/")[2] for row in before.values()]
    (tmp_path / "members.csv").unlink()
    (tmp_path / "report.json").unlink()
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept[Path("streams")] = "\n".join(whole.written).encode()
    hidden = [CANARY, "_secret_", *links]
    assert [(str(path), word) for path, content in kept.items() for word in hidden if word.encode() in content] == []
