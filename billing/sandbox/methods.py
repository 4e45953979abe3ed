"""Payment methods: kept on the platform, cloned to a connected account, attached, detached, used up."""

from copy import deepcopy

from billing.sandbox import events, instruments, mandates
from billing.sandbox.config import CloneSpentOn
from billing.sandbox.instruments import Details, fingerprint_of
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import CARD_ERROR, Obj, Refusal, invalid, missing, refusal, secret_only
from billing.sandbox.shapes import billing_details
from billing.sandbox.testmethods import TestMethod, is_test_name
from billing.sandbox.world import Account, Call, Instrument

CLONABLE = ("card", "us_bank_account")  # docs.stripe.com/connect/direct-charges-multiple-accounts
UPDATABLE = {"card": ("exp_month", "exp_year"), "us_bank_account": ("account_holder_type", "account_type")}


def create(call: Call) -> Obj:
    """Make a payment method from test details, or clone one of the platform's to this connected account."""
    if "payment_method" in call.params:
        return _clone(call)
    if "customer" in call.params:
        message = "You cannot create a PaymentMethod for a customer; create it, then attach it to the customer."
        raise invalid(message, "customer")
    return from_data(call, call.params)


def from_data(call: Call, data: Obj, path: str = "") -> Obj:
    """A new payment method of the details in ``data``; ``path`` is where they stand, for messages.

    Raises:
        Refusal: details missing, wrong, or of a type that is not served.
    """

    def at(name: str) -> str:
        return f"{path}[{name}]" if path else name

    kind = data.get("type")
    if kind is None:
        raise invalid(f"Missing required param: {at('type')}.", at("type"), "parameter_missing")
    if kind not in CLONABLE:
        message = f"The sandbox serves cards and US bank accounts, no PaymentMethods of type {kind}."
        raise invalid(message, at("type"))
    if kind not in data:
        raise invalid(f"Missing required param: {at(kind)}.", at(kind), "parameter_missing")
    if strangers := [name for name in CLONABLE if name != kind and name in data]:
        raise invalid(f"`{at(strangers[0])}` cannot be passed with type {kind}.", at(strangers[0]), "parameter_unknown")
    details = instruments.card(call.world, data[kind]) if kind == "card" else instruments.bank(data[kind], at(kind))
    return make(call, details, data)


def make(call: Call, wanted: Details, data: Obj | None = None) -> Obj:
    """A new unattached payment method that behaves as one of the test methods."""
    acts, given = wanted.acts, data or {}
    body: Obj = {
        "id": call.new_id("pm"), "object": "payment_method",
        "allow_redisplay": given.get("allow_redisplay") or "unspecified",
        "billing_details": billing_details(None, given.get("billing_details")), "created": call.world.seconds,
        "customer": None, "customer_account": None, "livemode": call.livemode,
        "metadata": merged({}, given.get("metadata")), "type": acts.kind,
    }  # fmt: skip
    fingerprint = fingerprint_of(call.world.config.seed, wanted.number)
    if acts.kind == "card":
        body["card"] = _card(acts, wanted, fingerprint)
    elif acts.kind == "us_bank_account":
        body["us_bank_account"] = _bank_account(wanted, fingerprint)
    else:
        body[acts.kind] = {"email": None}
    instrument = Instrument(acts, set_up=acts.set_up, verified=wanted.verified)
    call.account.instruments[body["id"]] = instrument
    return call.account["pm"].add(body)


def _card(acts: TestMethod, wanted: Details, fingerprint: str) -> Obj:
    return {
        "brand": acts.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": acts.country, "display_brand": acts.brand, "exp_month": wanted.expiry[0],
        "exp_year": wanted.expiry[1], "fingerprint": fingerprint, "funding": "credit", "generated_from": None,
        "last4": acts.last4, "networks": {"available": [acts.brand], "preferred": None},
        "regulated_status": "unregulated", "three_d_secure_usage": {"supported": True}, "wallet": None,
    }  # fmt: skip


def _bank_account(wanted: Details, fingerprint: str) -> Obj:
    return {
        "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None, "fingerprint": fingerprint, "last4": wanted.acts.last4,
        "networks": {"preferred": "ach", "supported": ["ach"]}, "routing_number": "110000000", "status_details": {},
    } | wanted.bank  # fmt: skip


def _clone(call: Call) -> Obj:
    """The copy of a platform payment method on this connected account.

    Sharing one that is attached to no customer uses up the original
    (docs.stripe.com/connect/direct-charges-multiple-accounts).
    """
    if call.publishable:
        raise secret_only()
    if not call.connected:
        raise invalid("You can only share a PaymentMethod with a connected account.", "payment_method")
    if "type" in call.params:
        raise invalid("You cannot pass `type` together with `payment_method`.", "type", "parameters_exclusive")
    platform, customer = call.world.platform, call.params.get("customer")
    if customer is not None:
        platform["cus"].find(customer, call.livemode, "customer")
    original = platform["pm"].find(call.params["payment_method"], call.livemode, "payment_method")
    instrument = platform.instruments[original["id"]]
    _check_clonable(call, original, instrument, customer)
    metadata = merged({}, call.params.get("metadata"))
    if original["customer"] is None:
        instrument.dead = True
    clone = deepcopy(original) | {
        "id": call.new_id("pm"), "created": call.world.seconds, "customer": None, "allow_redisplay": "unspecified",
        "metadata": metadata,
    }  # fmt: skip
    call.account.instruments[clone["id"]] = Instrument(
        instrument.acts,
        origin=original["id"],
        closed=instrument.closed,
        set_up=instrument.set_up,
        verified=instrument.verified,
        merchant=instrument.merchant,
    )
    return call.account["pm"].add(clone)


def _check_clonable(call: Call, original: Obj, instrument: Instrument, customer: str | None) -> None:
    if instrument.dead:
        raise spent(call)
    if original["type"] not in CLONABLE:
        message = f"PaymentMethods of type {original['type']} cannot be shared with connected accounts."
        raise refusal(message, param="payment_method")
    if original["customer"] != customer:
        whom = f"the customer {customer}" if customer else "this request; pass the customer it belongs to"
        raise refusal(f"The PaymentMethod {original['id']} is not attached to {whom}.", param="payment_method")


def spent(call: Call) -> Refusal:
    """The answer to a payment method that will never work again."""
    message = (
        "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with "
        "a connected account without Customer attachment, or was detached from a Customer. It may not be used again. "
        "To use a PaymentMethod multiple times, you must attach it to a Customer first."
    )
    return refusal(message, code=call.world.behaviour.spent_code or None, param="payment_method")


def resolve(call: Call, wanted: str) -> Obj:
    """The payment method a parameter names; a test name becomes a new object.

    Raises:
        Refusal: there is none on this account.
    """
    if is_test_name(wanted):
        return make(call, instruments.named(wanted))
    row = call.account["pm"].peek(wanted)
    if row is None or row["livemode"] != call.livemode:
        where = "the platform" if call.connected else "one of your connected accounts"
        hint = (
            f"; It's possible this PaymentMethod exists on {where}, in which case you should retry this request there."
        )
        raise refusal(
            f"No such PaymentMethod: '{wanted}'{hint}", status=404, code="resource_missing", param="payment_method"
        )
    return row


def use_up(account: Account, method: Obj, world_rule: CloneSpentOn, *, paid: bool) -> None:
    """Mark an unattached payment method as used, as far as the configured rule says an attempt uses it."""
    if method["customer"] is not None or world_rule is CloneSpentOn.NEVER:
        return
    if paid or world_rule is CloneSpentOn.ALWAYS:
        account.instruments[method["id"]].dead = True


def retrieve(call: Call) -> Obj:
    """One payment method of this account; a test name becomes a new object."""
    if is_test_name(call.ids[0]):
        return resolve(call, call.ids[0])
    return call.find("pm", call.ids[0], "payment_method")


def update(call: Call) -> Obj:
    """Change an attached payment method; a card's number never changes, its expiry may."""
    row, params = call.find("pm", call.ids[0], "payment_method"), call.params
    if row["customer"] is None:
        message = "You must save this PaymentMethod to a customer before you can update it."
        raise refusal(message, code="payment_method_unexpected_state")
    for kind in CLONABLE:
        if kind in params and kind != row["type"]:
            raise invalid(f"This PaymentMethod is of type {row['type']}, not {kind}.", kind)
    before, metadata = events.snapshot(row), merged(row["metadata"], params.get("metadata"))
    given = params.get(row["type"]) or {}
    row[row["type"]] |= {name: given[name] for name in UPDATABLE.get(row["type"], ()) if name in given}
    row["billing_details"] = billing_details(row["billing_details"], params.get("billing_details"))
    row |= {"metadata": metadata, "allow_redisplay": params.get("allow_redisplay", row["allow_redisplay"])}
    events.record(call, "payment_method.updated", row, before)
    return row


def attach(call: Call) -> Obj:
    """Save a payment method to a customer of the same account; the cards that always decline are refused here."""
    if "customer" not in call.params:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = call.find("cus", call.params["customer"], "customer", 400)
    row = resolve(call, call.ids[0])
    attach_to(call, row, customer["id"])
    return row


def attach_to(call: Call, row: Obj, customer: str) -> None:
    """Attach, or say why not.

    Raises:
        Refusal: it is used up, belongs to someone already, or its card declines the check.
    """
    instrument = call.account.instruments[row["id"]]
    if instrument.dead:
        raise spent(call)
    if row["customer"] is not None:
        raise refusal("The payment method you provided has already been attached to a customer.")
    if not instrument.verified:
        message = "You must verify this bank account before you can attach it to a customer."
        raise refusal(message, code="payment_method_unexpected_state")
    decline = instrument.acts.decline
    if not instrument.acts.attaches and decline is not None:
        raise refusal(
            "Your card was declined.", status=402, code=decline.code, kind=CARD_ERROR,
            decline_code=decline.decline_code, advice_code=decline.advice,
        )  # fmt: skip
    give(call, row, customer)


def give(call: Call, method: Obj, customer: str) -> None:
    """A payment method belongs to a customer from now on."""
    method["customer"] = customer
    call.account.instruments[method["id"]].was_attached = True
    events.record(call, "payment_method.attached", method)


def detach(call: Call) -> Obj:
    """Take a payment method from its customer, for good."""
    row = call.find("pm", call.ids[0], "payment_method")
    if row["customer"] is None:
        message = "The payment method you provided is not attached to a customer so detachment is impossible."
        raise refusal(message, code="payment_method_unexpected_state")
    owner = call.account["cus"].peek(row["customer"])
    let_go(call, row)
    if owner is not None and call.world.behaviour.detach_clears_default:
        _clear_default(call, owner, row["id"])
    return row


def _clear_default(call: Call, owner: Obj, method: str) -> None:
    if owner["invoice_settings"]["default_payment_method"] == method:
        before = events.snapshot(owner)
        owner["invoice_settings"]["default_payment_method"] = None
        events.record(call, "customer.updated", owner, before)


def let_go(call: Call, method: Obj) -> None:
    """A payment method without its customer never works again, and its owner's consent to debits ends."""
    method["customer"] = None
    call.account.instruments[method["id"]].dead = True
    mandates.revoke(call, method["id"])
    events.record(call, "payment_method.detached", method)


def listed(call: Call) -> Obj:
    """The payment methods attached to one customer; without one, all of this account, unattached ones too."""
    customer = call.ids[0] if call.ids else call.params.get("customer")
    if customer is not None:
        call.find("cus", customer, "customer")
    url = f"/v1/customers/{customer}/payment_methods" if call.ids else "/v1/payment_methods"
    wanted = {name: call.params[name] for name in ("type", "allow_redisplay") if name in call.params}

    def keep(row: Obj) -> bool:
        return customer in (None, row["customer"]) and all(row[name] == wanted[name] for name in wanted)

    return call.account["pm"].page(call.params, url, call.livemode, keep)


def of_customer(call: Call) -> Obj:
    """One payment method, only if it is attached to this customer."""
    customer, wanted = call.ids
    call.find("cus", customer, "customer")
    row = call.find("pm", wanted, "payment_method")
    if row["customer"] != customer:
        raise missing("PaymentMethod", wanted, "payment_method")
    return row
