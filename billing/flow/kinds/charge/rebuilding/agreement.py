"""Hold what Stripe holds of a run against its file: refuse a file that is not the one charged, else tell what it lacks.

A file may name no line for what was opened and closed unpaid: that line was withdrawn. It must have one for everything
that took money, or still could.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from billing.core.entries import ItemRecord
from billing.core.errors import InvalidInput, Problem
from billing.core.findings import Findings
from billing.core.items import Charge, InputLine, Kind
from billing.core.kinds.charge import State
from billing.core.plans import PlanContext
from billing.core.redaction import scrub
from billing.flow.kinds.charge.rebuilding.generations import Story, Teller, contradictions
from billing.flow.kinds.charge.rebuilding.intents import Intent, Shown
from billing.flow.kinds.charge.rebuilding.orphans import CHUNK, batched
from billing.flow.kinds.charge.rebuilding.stripe_listing import StripeListing
from billing.flow.planning.decisions import SHOWN
from billing.flow.planning.planned import Source
from billing.flow.services import Services

Held = tuple[str, Shown, InputLine | None, ItemRecord | None]
# A reference, its intents, its line of the file and the newest item of it on record.


def held(stock: StripeListing, source: Source, services: Services) -> Iterator[Held]:
    """Yield every reference that has intents: those of the file in its order, then those that it has no line for."""
    seen: set[str] = set()
    for chunk in batched(((charge.reference, line) for line, charge in _shown(stock, source)), CHUNK):
        seen.update(reference for reference, _ in chunk)
        yield from _with_known(stock, source, services, dict[str, InputLine | None](chunk))
    for rest in batched((reference for reference in stock.by_reference if reference not in seen), CHUNK):
        yield from _with_known(stock, source, services, dict.fromkeys(rest))


def _shown(stock: StripeListing, source: Source) -> Iterator[tuple[InputLine, Charge]]:
    """Yield the lines that have intents."""
    for line in source.lines():
        if isinstance(line.item, Charge) and line.item.reference in stock.by_reference:
            yield line, line.item


def _with_known(
    stock: StripeListing, source: Source, services: Services, lines: Mapping[str, InputLine | None]
) -> Iterator[Held]:
    item = services.ledger.obligations(services.platform, source.run.mode, source.run.period, list(lines), Kind.CHARGE)
    for reference, line in lines.items():
        yield reference, stock.by_reference[reference], line, item.get(reference)


def require_agreement(stock: StripeListing, source: Source, services: Services) -> None:
    """Refuse a file that is not the one that was charged.

    Raises:
        InvalidInput: with every disagreement.
    """
    shown: list[Problem] = []
    total = 0
    for problem in _disagreements(stock, source, services):
        total += 1
        if len(shown) < SHOWN:
            shown.append(problem)
    if total:
        raise InvalidInput(shown, total)


def _disagreements(stock: StripeListing, source: Source, services: Services) -> Iterator[Problem]:
    """Yield everything by which the file is not the one that was charged, then every intent that it has no line for."""
    hint = "the file, or a setting it leans on, is not the one that was charged"
    for reference, shown, line, item in held(stock, source, services):
        if line is None or not isinstance(line.item, Charge):
            alive = [shown[number][0] for number in shown.alive]
            yield from (_lineless(intent, source) for intent in alive)
            continue
        for message in contradictions(shown, line.item, item, source.run.run_id, services.mode):
            place = (source.items_file, line.line, 1)
            yield Problem(*place, "not_what_was_charged", message, hint, reference, source.sheet)
    yield from (_lineless(intent, source) for intent in stock.strangers if not intent.cancelled)


def _lineless(intent: Intent, source: Source) -> Problem:
    reference = scrub(intent.reference)
    named = f'reference "{reference}"' if reference else f"item {scrub(intent.mark('billing_item')) or 'unnamed'}"
    run_id = source.run.run_id
    message = f"intent {intent.id} on {intent.account} ({intent.status}) is of run {run_id}, and its {named} is not"
    hint = "rebuild from the file that was charged, and correct it afterwards: billing run FILE --amend"
    return Problem(source.file, 0, 0, "line_missing", f"{message} in the file", hint, reference)


def stories(stock: StripeListing, source: Source, services: Services, context: PlanContext) -> Iterator[Story]:
    """Yield what the ledger lacks, in the order of the file."""
    teller = Teller(context)
    for reference, shown, line, item in held(stock, source, services):
        story = teller.story(reference, shown, line, item)
        if story is not None:
            yield story


def still_true(findings: Findings, stock: StripeListing, source: Source, services: Services) -> Findings:
    """Return the findings without those that would skip what was charged: accounts and customers change later.

    Of a customer who has planned items the default is the one that they were planned with.
    """
    accounts = {intent.account for intent in stock.all()}
    payers = {charge.customer for _, charge in _shown(stock, source)}
    defaults = {payer: method for payer, method in findings.defaults.items() if method or payer not in payers}
    return replace(
        findings,
        accounts={account: why for account, why in findings.accounts.items() if account not in accounts},
        defaults=defaults | _planned_with(services, source),
        customers={payer: why for payer, why in findings.customers.items() if payer not in payers},
        prefixes={account: length for account, length in findings.prefixes.items() if account not in accounts},
    )


def _planned_with(services: Services, source: Source) -> dict[str, str]:
    """Return the methods of planned items that were left to their customers' defaults."""
    found: dict[str, str] = {}
    for account in services.ledger.workload(source.run.run_id, (State.PLANNED,)):
        row = 0
        while page := services.ledger.work(source.run.run_id, (State.PLANNED,), account, row, CHUNK):
            row = page[-1].id
            found |= {one.payer: one.content["payment_method"] for one in page if "asked_method" not in one.content}
    return found
