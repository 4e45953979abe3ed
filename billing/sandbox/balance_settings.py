"""How an account's balance is paid out (docs.stripe.com/api/balance-settings)."""

from billing.sandbox.payouts import schedule
from billing.sandbox.refusals import Obj, invalid
from billing.sandbox.world import Call

INTERVALS = frozenset({"daily", "manual"})


def retrieve(call: Call) -> Obj:
    """The account's settings, as they hold now."""
    held = call.account.body["settings"]["payouts"]
    payouts = {  # the official SDK for Python cannot read a null for the rules
        "automatic_transfer_rules_by_currency": {}, "minimum_balance_by_currency": None,
        "schedule": {"interval": schedule(call.account)["interval"]},
        "statement_descriptor": held["statement_descriptor"],
        "status": "enabled" if call.account.body["payouts_enabled"] else "disabled",
    }  # fmt: skip
    return {
        "object": "balance_settings",
        "payments": {
            "debit_negative_balances": held["debit_negative_balances"], "payouts": payouts,
            "settlement_timing": {"delay_days": schedule(call.account)["delay_days"], "start_of_day": None},
        },
    }  # fmt: skip


def update(call: Call) -> Obj:
    """Have an account paid out every day, or only by hand.

    Raises:
        Refusal: anything else than the interval of its schedule.
    """
    payments = call.params.get("payments") or {}
    payouts = payments.get("payouts") or {}
    asked = payouts.get("schedule") or {}
    others = [f"payments[{name}]" for name in payments.keys() - {"payouts"}]
    others += [f"payments[payouts][{name}]" for name in payouts.keys() - {"schedule"}]
    others += [f"payments[payouts][schedule][{name}]" for name in asked.keys() - {"interval"}]
    if others:
        raise invalid(f"The sandbox does not serve the parameter `{min(others)}`.", min(others))
    interval = asked.get("interval", schedule(call.account)["interval"])
    if interval not in INTERVALS:
        raise invalid(f"The sandbox does not pay out {interval}.", "payments[payouts][schedule][interval]")
    schedule(call.account)["interval"] = interval
    return retrieve(call)
