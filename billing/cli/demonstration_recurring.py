"""The demo's second act: cards saved, payers subscribed, cards replaced, copies brought in step, a month gone by."""

import time
from collections.abc import Iterator
from pathlib import Path

from billing.cli import linking, syncing
from billing.cli.books import open_books
from billing.cli.demonstration import RATE, Stage, staged, step
from billing.cli.ledger_view import verdict
from billing.cli.options import Common, Form, Sending
from billing.cli.running import Manner, carry_out
from billing.cli.source import open_source
from billing.cli.tables import duration, plural
from billing.cli.terminal import write_out
from billing.core.cells import csv_line
from billing.core.exits import Exit
from billing.edge.logs import visible
from billing.edge.privatefile import write_private
from billing.edge.runfiles import ReadOptions
from billing.flow.linked import Whose
from billing.flow.request import RunRequest
from billing.sandbox import issuer
from billing.sandbox.config import SandboxConfig
from billing.sandbox.scenario import ScenarioSpec, build

MEMBERS, GYM = "members-2026-11", "gym-2026-11"
ACCOUNTS = 3
CARD = "pm_card_visa"
REPLACED = 4
# Every so many members have their card replaced.
TURNS = 5
# How often a command goes on with what lost answers left open.
NEW_CARD = issuer.NewCard(exp_month=5, exp_year=2032, last4="1881")
TRIAL_SECONDS = 10 * 86_400
MONTH_SECONDS = 40 * 86_400.0
NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Frances", "Alan", "Radia")
OFFERS = (("Gym membership", "29.00"), ("Yoga", "15.00"), ("Climbing", "22.00"))
SENDING = Sending(rate=RATE)


async def play(common: Common, folder: Path, people: int, config: SandboxConfig) -> int:
    """Play it from people to a renewal on a new card, each step as it would be typed."""
    began = time.monotonic()
    async with staged(common, folder, config) as stage:
        accounts = _prepare(stage, people, config.seed)
        await _carry_out(stage, "members.csv", MEMBERS, "Save a card of each: here a test card answers.", CARD)
        await _sell(stage, accounts)
        await _carry_out(stage, "gym.csv", GYM, "Subscribe them: one subscription a line, first payment included.")
        stage.sandbox.faults.clear()
        await _replace_cards(stage)
        await _bring_in_step(stage)
        await _pass_a_month(stage)
        sound = await _prove(stage)
    shown = visible(str(folder))
    write_out(f"\nDone in {duration(time.monotonic() - began)}. The sheets and the ledger are in {shown}.\n")
    return Exit.OK if sound else Exit.INTERNAL


def _prepare(stage: Stage, people: int, seed: int) -> tuple[str, ...]:
    """Make up the accounts, and a sheet of people."""
    scenario = build(stage.sandbox, ScenarioSpec(seed=seed, accounts=ACCOUNTS, items=0))
    write_private(stage.folder / "members.csv", _people(people))
    write_out(
        f"A Stripe sandbox runs inside this process: {plural(ACCOUNTS, 'connected account')}, {people} people.\n"
        "Answers get lost and requests are limited. No key, no network, no real money.\n"
    )
    return scenario.accounts


def _people(count: int) -> Iterator[str]:
    yield csv_line(("reference", "email", "name"))
    for n in range(count):
        name = f"{NAMES[n % len(NAMES)]} Example"
        yield csv_line((f"MEMBER-{n + 1:04d}", f"member{n + 1}@example.com", name))


async def _carry_out(stage: Stage, sheet: str, run_id: str, about: str, answers_with: str = "") -> None:
    """Carry a sheet out; what is left open by lost answers the same command finishes."""
    flag = f" --confirm-with {answers_with}" if answers_with else ""
    request = RunRequest(file=stage.folder / sheet, read=ReadOptions(run_id), rate=RATE, answers_with=answers_with)
    code: int = Exit.UNFINISHED
    for _ in range(TURNS):
        if code != Exit.UNFINISHED:
            break
        step(f"billing run {sheet} --run {run_id}{flag} --yes", about)
        with open_source(stage.session, request.file, request.read) as source:
            code = await carry_out(stage.session, request, source, Manner(yes=True, quiet=True))
        about = "Answers were lost: the same command goes on, and does nothing twice."


async def _sell(stage: Stage, accounts: tuple[str, ...]) -> None:
    """Write the sheet that subscribes everybody who is saved at one account, every other one at a second one too."""
    async with open_books(stage.session) as ledger:
        items = [line.item for line in ledger.report(MEMBERS)]
    customers = [item.object_id for item in items if item is not None and item.object_id is not None]
    trial = time.strftime("%Y-%m-%d", time.gmtime(stage.sandbox.now + TRIAL_SECONDS))
    write_private(stage.folder / "gym.csv", _subscriptions(customers, accounts, trial))


def _subscriptions(customers: list[str], accounts: tuple[str, ...], trial: str) -> Iterator[str]:
    yield csv_line(
        ("reference", "customer", "account", "amount", "currency", "interval", "product", "trial_end",
         "application_fee_percent")
    )  # fmt: skip
    for n, customer in enumerate(customers):
        for at in range(1 + n % 2):
            place = (n + at) % len(accounts)
            product, amount = OFFERS[place]
            ends = trial if at else ""
            yield csv_line(
                (f"GYM-{n + 1:04d}-{at + 1}", customer, accounts[place], amount, "USD", "month", product, ends, "10")
            )


async def _replace_cards(stage: Stage) -> None:
    """Let the issuer send some of them another card, of which their copies know nothing."""
    world = stage.sandbox.world
    cards = [row["id"] for row in world.platform["pm"] if row["customer"]][::REPLACED]
    for card in cards:
        issuer.replace(world, card, NEW_CARD)
    write_out(f"\nThe issuers of {plural(len(cards), 'card')} send other numbers; the copies stay as they are.\n")


async def _bring_in_step(stage: Stage) -> None:
    step("billing sync --check", "Who is not in step any more? Only reads are sent; the exit code is 4.")
    await syncing.tell_drift(stage.session, syncing.Asked(SENDING))
    step("billing sync --yes", "Copy anew, move what names the old copy, read it, and only then let the old copy go.")
    await syncing.bring_in_step(stage.session, syncing.Asked(SENDING, yes=True))


async def _pass_a_month(stage: Stage) -> None:
    stage.sandbox.advance(MONTH_SECONDS)
    step("billing links", "Forty days later in the sandbox: Stripe has renewed, on the new cards.")
    await linking.list_links(stage.session, linking.Asked(Whose(frozenset(), frozenset()), Form.TEXT, SENDING))


async def _prove(stage: Stage) -> bool:
    """Check the ledger, and compare with the sandbox's own books."""
    step("billing ledger verify", "The record, and the sandbox's own books.")
    async with open_books(stage.session) as ledger:
        found = ledger.verify()
        lines = sum(tally.items for tally in ledger.tally(GYM) if tally.state == "succeeded")
    books = stage.sandbox.books()
    living = [row for row in books.subscriptions if row.counts]
    twice, dead = len(books.subscribed_twice()), len(books.dead_defaults)
    renewed, declined = sum(row.paid for row in living), sum(row.declined for row in living)
    write_out("".join(line + "\n" for line in verdict(found)))
    write_out(
        f"the sandbox's own books: {plural(len(living), 'subscription')}, the ledger says {lines:,}; {twice} twice; "
        f"{plural(renewed, 'payment')}, {declined} declined; {dead} without a working card\n"
    )
    return not (twice or dead or declined or found.faults) and len(living) == lines
