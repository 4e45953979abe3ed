"""What must be true at the provider after payers were saved, subscribed, changed, brought in step, ended and renewed.

Everything is measured on the sandbox's own objects and books. What our report says is held against them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from billing.core.life import Group
from billing.core.objects.link import CARRIED
from billing.sandbox.invoice_body import subscription_of
from billing.sandbox.model import Sandbox
from billing.sandbox.recurring_books import SubscriptionBook
from billing.sandbox.world import Account
from tests.kills.assertions import REFERENCE, UNPAID, Findings, Line
from tests.kills.recurring_platform import default_of, everyone

PAYER = "billing_payer"
# The metadata by which a customer of a connected account names its platform customer.
RENEWAL = "subscription_cycle"
TAKEN, AT_BANK = "succeeded", "pending"


def hold_payers(found: Findings, sandbox: Sandbox, report: Sequence[Line]) -> None:
    """One platform customer of each payer is used, and pays by default with exactly what was saved."""
    platform = sandbox.world.platform
    made: defaultdict[str, list[str]] = defaultdict(list)
    for customer in platform["cus"]:
        made[customer["metadata"].get(REFERENCE, "")].append(customer["id"])
    saved: defaultdict[str, list[str]] = defaultdict(list)
    for setup in platform["seti"]:
        if setup["status"] == "succeeded":
            saved[setup["customer"]].append(setup["payment_method"])
    for line in report:
        name = line["reference"]
        used = [customer for customer in made[name] if customer in saved]
        if len(used) > 1:
            found.double.append(f"{name} is {len(used)} customers of the platform")
        if line["status"] != Group.SUCCEEDED:
            found.open.append(f"{name} {line['status']}")
        elif used != [line["customer"]] or line["payment_method"] not in saved[line["customer"]]:
            found.false.append(f"{name} is told saved as {line['customer']}")
        elif default_of(sandbox, line["customer"])["id"] != line["payment_method"]:
            found.false.append(f"{name} does not pay with {line['payment_method']} by default")


def hold_subscriptions(found: Findings, sandbox: Sandbox, report: Sequence[Line], ends: Collection[str] = ()) -> None:
    """At most one subscription of a line ever takes money; one of each that is told so; none of what is told unpaid.

    ``ends`` are the references of those that may have ended since: cancelled, or their method declines.
    """
    books = sandbox.books()
    found.double += [f"{name} is subscribed twice" for name in books.subscribed_twice(REFERENCE)]
    lines: defaultdict[str, list[SubscriptionBook]] = defaultdict(list)
    for row in books.subscriptions:
        lines[row.metadata.get(REFERENCE, "")].append(row)
    for line in report:
        _hold_line(found, line, lines[line["reference"]], ended=line["reference"] in ends)
    found.other += [f"a subscription of nobody: {row.subscription}" for row in lines.get("", []) if row.counts]
    _hold_links(found, sandbox)


def _hold_line(found: Findings, line: Line, rows: Sequence[SubscriptionBook], *, ended: bool) -> None:
    name, status = line["reference"], line["status"]
    counting = [row.subscription for row in rows if row.counts]
    if status in (Group.SUCCEEDED, Group.PROCESSING):
        if counting != [line["subscription"]] and not (ended and not counting):
            found.false.append(f"{name} is told {status}, and {counting} count")
    elif status not in UNPAID:
        found.open.append(f"{name} {status} {line['reason_code']}")
    elif counting:
        found.hidden.append(f"{name} is told {status}, and {counting[0]} counts")
    elif status == Group.FAILED and any(row.open for row in rows):
        found.hidden.append(f"{name} is told failed, and an invoice of it can still be paid")


def _hold_links(found: Findings, sandbox: Sandbox) -> None:
    """One customer of each link is used, whatever else lies about."""
    for account in everyone(sandbox):
        used: defaultdict[str, set[str]] = defaultdict(set)
        for row in account["sub"]:
            customer = account["cus"].peek(row["customer"])
            used[customer["metadata"].get(PAYER, "") if customer else ""].add(row["customer"])
        several = {payer: ids for payer, ids in used.items() if len(ids) > 1}
        found.double += [f"{payer} is {len(ids)} customers of {account.id}" for payer, ids in several.items()]


def hold_defaults(found: Findings, sandbox: Sandbox) -> None:
    """Nobody pays by default with what is gone, at any moment that is looked at."""
    dead = sandbox.books().dead_defaults
    found.false += [f"{row.owner} pays with {row.method}, which is detached" for row in dead]


def hold_in_step(found: Findings, sandbox: Sandbox, joined: Collection[str] = ()) -> None:
    """Every link has one copy, of what its payer has now, as everybody's default; what is carried over agrees.

    ``joined`` are payers who were subscribed with a new card before a sync had seen it. A sync copies afresh, and lets
    copies of other methods go, no others: so a copy of the same card may lie beside theirs, named by nobody.
    """
    for account in everyone(sandbox):
        for customer in account["cus"]:
            if payer := customer["metadata"].get(PAYER):
                found.false += [
                    f"{customer['id']} of {payer} on {account.id} {what}"
                    for what in _out_of_step(sandbox, account, customer, payer, spare=payer in joined)
                ]


def _out_of_step(
    sandbox: Sandbox, account: Account, customer: Mapping[str, Any], payer: str, *, spare: bool
) -> Iterator[str]:
    living = [row for row in account["sub"] if row["customer"] == customer["id"] and not row["ended_at"]]
    if not living:
        return  # nobody pays by it any more
    newest, here = default_of(sandbox, payer), customer["invoice_settings"]["default_payment_method"]
    attached = [row for row in account["pm"] if row["customer"] == customer["id"]]
    ids = [row["id"] for row in attached]
    if here not in ids or len(ids) > (2 if spare else 1):
        yield f"pays with {here}, and has {ids}"
    for row in attached:
        if account.instruments[row["id"]].origin != newest["id"]:
            yield f"has a copy of {account.instruments[row['id']].origin}, and the newest is {newest['id']}"
        elif _data(row) != _data(newest):
            yield f"has an old copy of {newest['id']}: {_data(row)} for {_data(newest)}"
    for row in living:
        if row["default_payment_method"] not in (None, here):
            yield f"{row['id']} pays with {row['default_payment_method']}, and the customer with {here}"
    whole = sandbox.world.platform["cus"].peek(payer)
    assert whole is not None
    if old := [name for name in CARRIED if customer[name] != whole[name]]:
        yield f"has another {old[0]}"


def _data(method: Mapping[str, Any]) -> tuple[Any, ...]:
    kind = method[method["type"]]
    return method["type"], kind.get("last4"), kind.get("exp_month"), kind.get("exp_year")


def payments(sandbox: Sandbox) -> dict[str, list[str]]:
    """Return the charges of each subscription that took money or are taking it."""
    taken: dict[str, list[str]] = {}
    for account in everyone(sandbox):
        for invoice, charges in _charges(account):
            good = [charge["id"] for charge in charges if charge["status"] in (TAKEN, AT_BANK)]
            taken.setdefault(subscription_of(dict(invoice)), []).extend(good)
    return taken


def hold_renewals(
    found: Findings, sandbox: Sandbox, before: Mapping[str, Sequence[str]], ends: Collection[str], poor: Collection[str]
) -> int:
    """Each renewal is charged once, to the newest method; what was ended is never charged again. Return how many.

    Args:
        found: where to write.
        sandbox: after 40 days, in which every subscription of these worlds renews once.
        before: `payments` before these days.
        ends: the subscriptions that were ended, at once or with their period.
        poor: payers whose method declines.
    """
    count = 0
    for account in everyone(sandbox):
        for invoice, charges in _charges(account):
            good = [charge for charge in charges if charge["status"] in (TAKEN, AT_BANK)]
            if len(good) > 1:
                found.double.append(f"{invoice['id']} is paid {len(good)} times")
        for row in account["sub"]:
            count += _hold_renewal(found, sandbox, account, row, before, ends, poor)
    return count


def _hold_renewal(
    found: Findings,
    sandbox: Sandbox,
    account: Account,
    row: Mapping[str, Any],
    before: Mapping[str, Sequence[str]],
    ends: Collection[str],
    poor: Collection[str],
) -> int:
    name = row["metadata"].get(REFERENCE, row["id"])
    fresh = [
        (invoice, charge)
        for invoice, charges in _charges(account)
        for charge in charges
        if subscription_of(dict(invoice)) == row["id"] and charge["status"] in (TAKEN, AT_BANK)
        and charge["id"] not in before.get(row["id"], ())
    ]  # fmt: skip
    if row["id"] in ends or row["status"] in ("incomplete", "incomplete_expired", "canceled"):
        found.double += [f"{name} was ended, and is charged again"] if fresh else []
        return 0
    customer = account["cus"].peek(row["customer"])
    payer = customer["metadata"][PAYER] if customer else ""
    wanted = 0 if payer in poor else 1
    if len(fresh) != wanted:
        (found.double if len(fresh) > wanted else found.other).append(
            f"{name} renewed {len(fresh)} times, and {wanted} is due ({row['status']}, {account.id})"
        )
    for invoice, charge in fresh:
        origin = account.instruments[charge["payment_method"]].origin
        if invoice["billing_reason"] == RENEWAL and origin != default_of(sandbox, payer)["id"]:
            found.false.append(f"{name} renewed with a copy of {origin}")
    return len(fresh)


def _charges(account: Account) -> Iterator[tuple[Mapping[str, Any], list[Mapping[str, Any]]]]:
    """Yield each invoice with its charges."""
    behind = {row["payment"]["payment_intent"]: row["invoice"] for row in account["inpay"]}
    own: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for charge in account["ch"]:
        if charge["payment_intent"] in behind:
            own[behind[charge["payment_intent"]]].append(charge)
    for invoice in account["in"]:
        yield invoice, own[invoice["id"]]
