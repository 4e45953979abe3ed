"""By which a run can be checked: who did what and when, from which bytes, and what the ledger is held to."""

import shlex
from collections.abc import Iterator

from billing.core.wording import clock, counted, moment
from billing.edge.logs import visible
from billing.flow.reporting.kindwords import first_up
from billing.flow.reporting.overview import Overview
from billing.flow.reporting.proof import Invocation, Proof

COMMANDS = 10
# Of a run that are named; the others are counted.


def facts_of(overview: Overview) -> tuple[tuple[str, str, str], ...]:
    """Return the facts: name, text, and an id that belongs to it or is empty."""
    return () if overview.proof is None else tuple(_facts(overview, overview.proof))


def _facts(overview: Overview, proof: Proof) -> Iterator[tuple[str, str, str]]:
    zone = overview.zone
    if proof.planned_at:
        amended = f", revision {proof.revision}" if proof.revision > 1 else ""
        yield "Planned", f"{moment(proof.planned_at, zone)}{amended}, plan", proof.plan_digest
    for one in proof.accepted:
        yield "Accepted", visible(f"{moment(one.at, zone)} by {one.by or 'unknown'}: {one.says}"), ""
    for at, each in enumerate(proof.invocations[:COMMANDS]):
        yield "" if at else "Carried out", visible(_invocation(each, overview)), ""
    left = len(proof.invocations) - COMMANDS
    if left > 0:
        yield "", f"and {counted(left, 'more command')}", ""
    if proof.file_sha256:
        yield "Sheet", "its bytes, SHA-256", proof.file_sha256
    yield "Record", f"{counted(proof.entries, 'entry', 'entries')} of this run, chain {proof.chain}; head", proof.head
    if proof.compared is not None:
        found = proof.compared
        agree = f"{found.matched:,} of {counted(found.items, 'line')} agree"
        yield "Reconciled", f"{moment(found.as_of, zone)}: {agree}, {counted(found.discrepancies, 'difference')}", ""
    reconcile = f"; billing reconcile {shlex.quote(overview.record.run_id)}" if overview.currencies else ""
    yield "Check it yourself", "", f"billing ledger verify{reconcile}"


def _invocation(each: Invocation, overview: Overview) -> str:
    zone = overview.zone
    by = f" by {each.by}" if each.by else ""
    begun = moment(each.started, zone, seconds=True)
    if not each.ended:
        return f"{begun}{by}, no end on record"
    same = moment(each.ended, zone)[:-7] == moment(each.started, zone)[:-7]
    until = clock(each.ended, zone) if same else moment(each.ended, zone, seconds=True)
    says = (each.says or each.reason).replace("`", "")
    code = f", ended with exit {each.exit_code}: {says}" if each.exit_code is not None else ""
    return first_up(f"{begun} to {until}{by}{code}")
