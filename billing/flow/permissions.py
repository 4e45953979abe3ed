"""What a key may do of what a run needs, found out by requests that move nothing and make nothing.

A read asks for an object that cannot exist. A write names only such objects, so it fails whoever sends it. Stripe looks
at the permission before it looks for the object: 403 is a no, "no such object" and "invalid request" are a yes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from billing.core.classify import lacking_permission, refuses_account
from billing.core.redaction import quoted
from billing.core.replies import Reply
from billing.edge.stripe.found import LookupFailed
from billing.edge.stripe.gateway import Gateway

NOBODY = "0000doctor"
SENDS = 3
# A probe may be repeated freely; whoever waits for `doctor` would rather hear "not tested" than wait for an outage.


class Grant(StrEnum):
    """Whether the key has a permission."""

    YES = "yes"
    NO = "no"
    UNTESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Probe:
    """One permission and the request that tells.

    Attributes:
        permission: as the Dashboard names it where restricted keys are made.
        serves: what a run needs it for.
        method: of the request; everything but GET is a write.
        path: of an object that does not exist.
        params: naming only such objects.
        connected: whether it is sent on a connected account, as a run does.
        always: whether a key that lacks it cannot charge; without the others it can do nothing else.
    """

    permission: str
    serves: str
    method: str
    path: str
    params: Mapping[str, str]
    connected: bool = False
    always: bool = True

    @property
    def writes(self) -> bool:
        """Whether it asks for a right to change something."""
        return self.method != "GET"


PROBES = (
    Probe("Connected accounts read", "to check each account before it is charged", "GET",
          f"/v1/accounts/acct_{NOBODY}", {}),
    Probe("Customers read", "to find default payment methods", "GET", f"/v1/customers/cus_{NOBODY}", {}),
    Probe("PaymentMethods read", "to check what is to be charged", "GET", f"/v1/payment_methods/pm_{NOBODY}", {}),
    Probe("PaymentIntents read on connected accounts", "to find out what became of a payment", "GET",
          f"/v1/payment_intents/pi_{NOBODY}", {}, connected=True),
    Probe("PaymentMethods write on connected accounts", "to copy payment methods there", "POST",
          "/v1/payment_methods", {"customer": f"cus_{NOBODY}", "payment_method": f"pm_{NOBODY}"}, connected=True),
    Probe("PaymentIntents write on connected accounts", "to charge", "POST",
          f"/v1/payment_intents/pi_{NOBODY}/cancel", {}, connected=True),
    Probe("Charges and Refunds read on connected accounts", "to find out what became of a refund", "GET",
          f"/v1/refunds/re_{NOBODY}", {}, connected=True, always=False),
    Probe("Disputes read on connected accounts", "to see what came back, and refund nothing disputed", "GET",
          f"/v1/disputes/dp_{NOBODY}", {}, connected=True, always=False),
    Probe("Balance transaction sources read on connected accounts", "to reconcile what was booked", "GET",
          f"/v1/balance_transactions/txn_{NOBODY}", {}, connected=True, always=False),
    Probe("Payouts read on connected accounts", "to reconcile what was paid out", "GET",
          f"/v1/payouts/po_{NOBODY}", {}, connected=True, always=False),
    Probe("Charges and Refunds write on connected accounts", "to refund", "POST", "/v1/refunds",
          {"payment_intent": f"pi_{NOBODY}"}, connected=True, always=False),
    Probe("Customers write", "to make customers of payers", "POST", f"/v1/customers/cus_{NOBODY}", {}, always=False),
    Probe("SetupIntents read", "to see what payers have saved", "GET", f"/v1/setup_intents/seti_{NOBODY}", {},
          always=False),
    Probe("SetupIntents write", "to ask payers for a card or bank account", "POST",
          f"/v1/setup_intents/seti_{NOBODY}/cancel", {}, always=False),
    Probe("Checkout Sessions write", "to ask payers on a page of Stripe's", "POST",
          f"/v1/checkout/sessions/cs_{NOBODY}/expire", {}, always=False),
    Probe("Events read", "to see what changed on the platform", "GET", f"/v1/events/evt_{NOBODY}", {}, always=False),
    Probe("Customers write on connected accounts", "to keep subscribed customers in step", "POST",
          f"/v1/customers/cus_{NOBODY}", {}, connected=True, always=False),
    Probe("Subscriptions read on connected accounts", "to see what subscriptions are paid with", "GET",
          f"/v1/subscriptions/sub_{NOBODY}", {}, connected=True, always=False),
    Probe("Subscriptions write on connected accounts", "to move subscriptions to a new card", "POST",
          f"/v1/subscriptions/sub_{NOBODY}", {"default_payment_method": f"pm_{NOBODY}"}, connected=True, always=False),
    Probe("Invoices read on connected accounts", "to see what of a subscription is paid, and what is open", "GET",
          f"/v1/invoices/in_{NOBODY}", {}, connected=True, always=False),
    Probe("Invoices write on connected accounts", "to collect a first invoice, and to make void what has ended", "POST",
          f"/v1/invoices/in_{NOBODY}/void", {}, connected=True, always=False),
    Probe("Prices read on connected accounts", "to know what a subscription's price comes to", "GET",
          f"/v1/prices/price_{NOBODY}", {}, connected=True, always=False),
    Probe("Products read on connected accounts", "to find what is sold there", "GET",
          f"/v1/products/prod_{NOBODY}", {}, connected=True, always=False),
    Probe("Products write on connected accounts", "to name there what is sold", "POST",
          f"/v1/products/prod_{NOBODY}", {}, connected=True, always=False),
)  # fmt: skip
# Every permission that a run needs. (docs.stripe.com/keys/restricted-api-keys)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one permission.

    Attributes:
        probe: what was asked.
        grant: whether the key has it.
        why: what Stripe said to a no, or why it was not tested.
        do: what helps, or empty.
    """

    probe: Probe
    grant: Grant
    why: str = ""
    do: str = ""


async def permissions(gateway: Gateway, *, writes: bool) -> list[Answer]:
    """Ask for every permission.

    Args:
        gateway: with the key.
        writes: whether writes are asked for, too; they fail whoever sends them.

    Raises:
        ProviderUnreachable: the provider has been away for longer than the budget.
    """
    account, lacking = await _some_account(gateway)
    answers = []
    for probe in PROBES:
        if probe.writes and not writes:
            answers.append(Answer(probe, Grant.UNTESTED, "in live mode only reads are sent", ASK_FOR_WRITES))
        elif probe.connected and not account:
            answers.append(Answer(probe, Grant.UNTESTED, *lacking))
        else:
            answers.append(await _asked(gateway, probe, account if probe.connected else ""))
    return answers


ASK_FOR_WRITES = "billing doctor --live --write-probes asks for it with a request that can only fail"


async def _some_account(gateway: Gateway) -> tuple[str, tuple[str, str]]:
    """Return a connected account to ask on, or an empty text and why there is none."""
    async for page in gateway.account_pages():
        if isinstance(page, LookupFailed):
            return "", ("the connected accounts cannot be listed", "see what is said of Connected accounts read")
        if page:
            return page[0].id, ("", "")
        break
    return "", ("the platform has no connected account", "connect one, then billing doctor again")


async def _asked(gateway: Gateway, probe: Probe, account: str) -> Answer:
    """Send one probe, again while nothing can be read from what comes back."""
    reply = Reply(None)
    for _ in range(SENDS):
        reply = await gateway.probe(probe.method, probe.path, probe.params, account)
        if not _passing(reply):
            break
    return _read(probe, reply)


def _passing(reply: Reply) -> bool:
    status = reply.status or 500
    limited = (reply.error or {}).get("code") in {"rate_limit", "lock_timeout"}  # a limiter may say so with a 400
    return limited or status in {408, 409, 424, 429} or status >= 500


def _read(probe: Probe, reply: Reply) -> Answer:
    """Return what a reply says; what is no answer of Stripe's says nothing."""
    for is_so, answer in READINGS:
        if is_so(probe, reply):
            return answer(probe, reply)
    return Answer(
        probe, Grant.UNTESTED, f"the answer says nothing of it: {_words(reply)}", "see the key in the Dashboard"
    )


def _refuses_account(_probe: Probe, reply: Reply) -> bool:
    return reply.status == 403 and reply.error is not None and refuses_account(reply.error)


def _words(reply: Reply) -> str:
    error = reply.error or {}
    said = quoted(str(error.get("message") or "")) or str(error.get("code") or reply.detail)
    return f"{said} (HTTP {reply.status})" if said and reply.status else said or f"HTTP {reply.status}"


Reading = tuple[Callable[[Probe, Reply], bool], Callable[[Probe, Reply], Answer]]

READINGS: tuple[Reading, ...] = (
    (
        lambda _, reply: _passing(reply),
        lambda probe, reply: Answer(probe, Grant.UNTESTED, f"no answer: {_words(reply)}", "try again"),
    ),
    (
        lambda _, reply: reply.status == 401,
        lambda probe, reply: Answer(probe, Grant.UNTESTED, f"the key is refused: {_words(reply)}", "use a valid key"),
    ),
    (  # An account that does not exist is one that the key has no access to: Stripe says so to those who may read.
        lambda probe, reply: _refuses_account(probe, reply) and not probe.connected,
        lambda probe, _: Answer(probe, Grant.YES),
    ),
    (
        _refuses_account,
        lambda probe, reply: Answer(probe, Grant.UNTESTED, f"the account refused: {_words(reply)}", "see it in Stripe"),
    ),
    (
        lambda _, reply: reply.status == 403,
        lambda probe, reply: Answer(
            probe, Grant.NO, lacking_permission(reply.error or {}),
            f"give the key {probe.permission} (Dashboard, Developers, API keys)",
        ),
    ),
    (
        lambda _, reply: reply.error is None,
        lambda probe, reply: Answer(
            probe, Grant.UNTESTED, f"{probe.method} {probe.path}: {_words(reply)}, not in Stripe's words",
            "see that api_base is the address of Stripe's API",
        ),
    ),
    (
        lambda _, reply: reply.status == 404 and not (reply.error or {}).get("code"),
        lambda probe, reply: Answer(
            probe, Grant.UNTESTED, f"{probe.method} {probe.path} is not served there: {_words(reply)}",
            "see that api_base is the address of Stripe's API",
        ),
    ),
    (lambda _, reply: reply.status in {400, 404}, lambda probe, _: Answer(probe, Grant.YES)),
)  # fmt: skip
# What a reply means: the first row that fits.
