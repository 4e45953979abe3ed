"""The platform's own account and its connected accounts, as the API shows them."""

from billing.sandbox.refusals import Obj, no_access
from billing.sandbox.shelves import Shelf, list_of
from billing.sandbox.world import Account, Call, World

UNSET_PROFILE = ("mcc", "minority_owned_business_designation", "specified_commercial_transactions_act_url",
                 "support_address", "support_email", "support_phone", "support_url", "url")  # fmt: skip
SCRIPTS = ("kana", "kanji")


def account_body(
    wanted: str, *, country: str = "US", currency: str = "usd", created: int = 0, charges: bool = True,
    debits: bool = True, name: str = "Sandbox", descriptor: str = "SANDBOX",
) -> Obj:  # fmt: skip
    """An account object. ``charges`` and ``debits`` are its two capabilities that matter here."""
    state = {True: "active", False: "inactive"}
    return {
        "id": wanted, "object": "account",
        "business_profile": dict.fromkeys(UNSET_PROFILE) | {"name": name}, "business_type": "company",
        "capabilities": {
            "card_payments": state[charges], "transfers": "active",
            "us_bank_account_ach_payments": state[debits and charges and country == "US"],
        },
        "charges_enabled": charges, "controller": {"type": "application"}, "country": country, "created": created,
        "default_currency": currency, "details_submitted": True, "email": None,
        "external_accounts": list_of(
            [_bank(wanted, country, currency, name)], f"/v1/accounts/{wanted}/external_accounts"
        ), "metadata": {},
        "payouts_enabled": charges,
        "requirements": {
            "currently_due": [], "disabled_reason": None if charges else "requirements.past_due", "errors": [],
            "eventually_due": [], "past_due": [] if charges else ["individual.verification.document"],
            "pending_verification": [], "current_deadline": None, "alternatives": [],
        },
        "settings": _settings(name, descriptor),
        "tos_acceptance": {"date": created, "ip": None, "user_agent": None},
        "type": "express",
    }  # fmt: skip


def _bank(account: str, country: str, currency: str, name: str) -> Obj:
    """The bank account that an account is paid out to."""
    own = account.removeprefix("acct_1")
    nothing: Obj = {name: [] for name in ("currently_due", "errors", "past_due", "pending_verification")}
    return {
        "id": f"ba_1{own}", "object": "bank_account", "account": account, "account_holder_name": name,
        "account_holder_type": "company", "account_type": None, "available_payout_methods": ["standard"],
        "bank_name": "STRIPE TEST BANK", "country": country, "currency": currency,
        "default_for_currency": True, "fingerprint": own, "future_requirements": nothing, "last4": "6789",
        "metadata": {}, "requirements": nothing, "routing_number": "110000000" if country == "US" else None,
        "status": "new",
    }  # fmt: skip


def _settings(name: str, descriptor: str) -> Obj:
    prefixes = {f"statement_descriptor_prefix_{script}": None for script in SCRIPTS}
    return {
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_payments": {"statement_descriptor_prefix": descriptor} | prefixes,
        "dashboard": {"display_name": name, "timezone": "Etc/UTC"},
        "payments": {"statement_descriptor": descriptor} | prefixes
        | {f"statement_descriptor_{script}": None for script in SCRIPTS},
        "payouts": {
            "debit_negative_balances": True, "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
    }  # fmt: skip


def current(call: Call) -> Obj:
    """The account the request acts on."""
    return call.account.body


def retrieve(call: Call) -> Obj:
    """The platform itself, or one of its connected accounts.

    Raises:
        Refusal: 403 ``account_invalid``.
    """
    wanted = call.ids[0]
    if wanted == call.account.id:
        return call.account.body
    found = call.world.accounts.get(wanted)
    if found is None or not found.connected or call.account is not call.world.platform:
        raise no_access(call.api_key, wanted)
    return found.body


def listed(call: Call) -> Obj:
    """The accounts connected to this one, newest first: an account that is connected itself has none."""
    shelf = Shelf("account")
    if call.account is call.world.platform:
        for account in call.world.accounts.values():
            if account.connected:
                shelf.add(account.body)
    return shelf.page(call.params, "/v1/accounts", call.livemode)


def allow(account: Account, *, charges: bool) -> None:
    """Let an account take charges, or bar it from now on."""
    fresh = account_body(account.id, country=account.body["country"], charges=charges)
    account.body |= {
        name: fresh[name] for name in ("capabilities", "charges_enabled", "payouts_enabled", "requirements")
    }


def replace_bank(world: World, account: Account) -> None:
    """The account's owner enters another bank account, to which it is paid out from now on."""
    fresh = account.bank | {"id": world.ids.new("ba_1"), "status": "new"}
    account["ba"].add(fresh)
    account.body["external_accounts"]["data"] = [fresh]


def revoke(account: Account) -> None:
    """The account's owner takes the platform's access away."""
    account.connected = False
