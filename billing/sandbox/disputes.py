"""Disputes: the payer, or the payer's bank, takes a charge back, or only asks about it."""

from billing.sandbox import tariff
from billing.sandbox.funds import transaction
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, refusal
from billing.sandbox.testmethods import Complaint
from billing.sandbox.world import Call

ANSWER_SECONDS = 7 * 86_400
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
CLOSED = frozenset({"lost", "won", "warning_closed"})
ENDS = {"winning_evidence": "won", "losing_evidence": "lost"}  # docs.stripe.com/testing: evidence that decides


def open_dispute(call: Call, charge: Obj, complaint: Complaint) -> None:
    """A dispute of a paid charge; all but an inquiry take its money at once."""
    body: Obj = {
        "id": call.new_id("dp"), "object": "dispute", "amount": charge["amount"], "balance_transactions": [],
        "charge": charge["id"], "created": call.world.seconds, "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None if complaint.final else call.world.seconds + ANSWER_SECONDS, "enhanced_eligibility": {},
            "has_evidence": False, "past_due": False, "submission_count": 0, "submission_method": "not_submitted",
        },
        "intended_submission_method": None, "is_charge_refundable": complaint.inquiry, "livemode": charge["livemode"],
        "metadata": {}, "payment_intent": charge["payment_intent"], "reason": complaint.reason,
        "status": "lost" if complaint.final else "warning_needs_response" if complaint.inquiry else "needs_response",
    }  # fmt: skip
    if "card" in charge["payment_method_details"]:
        case = "inquiry" if complaint.inquiry else "chargeback"
        brand = charge["payment_method_details"]["card"]["brand"]
        card = {"brand": brand, "case_type": case, "network": brand, "network_reason_code": complaint.network_code}
        body["payment_method_details"] = {"card": card, "type": "card"}
    call.account["dp"].add(body)
    charge["disputed"] = True
    if not complaint.inquiry:
        _move(call, body, -1)


def _move(call: Call, body: Obj, sign: int) -> None:
    """Withdraw the disputed money with a fee, or reinstate it."""
    own = call.account.body["default_currency"]
    amount, rate = tariff.settled(body["amount"], body["currency"], own)
    details = [tariff.fee_detail("stripe_fee", tariff.DISPUTE_FEE, own, "Dispute fee")] if sign < 0 else []
    row = transaction(
        call.world, call.account, kind="adjustment", amount=sign * amount, source=body, livemode=body["livemode"],
        details=details, rate=rate, category="dispute" if sign < 0 else "dispute_reversal",
        description=f"Chargeback {'withdrawal' if sign < 0 else 'reversal'} for {body['charge']}",
    )  # fmt: skip
    body["balance_transactions"].append(row)


def bars_refund(call: Call, charge: Obj) -> bool:
    """Whether a dispute keeps this charge from being refunded."""
    rows = [row for row in call.account["dp"] if row["charge"] == charge["id"]]
    return any(not row["is_charge_refundable"] and row["status"] != "won" for row in rows)


def update(call: Call) -> Obj:
    """Evidence and metadata; with ``submit`` the evidence goes to the bank, which test evidence decides at once."""
    body, params = call.find("dp", call.ids[0]), call.params
    body["metadata"] = merged(body["metadata"], params.get("metadata"))
    evidence = params.get("evidence") or {}
    if evidence and body["status"] in CLOSED:
        raise refusal("This dispute is already closed.", param="evidence")
    body["evidence"] |= {name: value or None for name, value in evidence.items() if name in EVIDENCE}
    held = body["evidence_details"]
    held["has_evidence"] = any(body["evidence"][name] for name in EVIDENCE)
    if evidence and call.given("submit", True):
        held |= {"submission_count": held["submission_count"] + 1, "submission_method": "manual"}
        warned = "warning_" if body["status"].startswith("warning") else ""
        body["status"] = f"{warned}under_review"
        _decide(call, body, ENDS.get(body["evidence"]["uncategorized_text"] or "", ""))
    return body


def _decide(call: Call, body: Obj, end: str) -> None:
    if end == "won" and body["balance_transactions"]:
        _move(call, body, 1)
    if end:
        body["status"] = end if body["balance_transactions"] else "warning_closed"


def close(call: Call) -> Obj:
    """Give in."""
    body = call.find("dp", call.ids[0])
    if body["status"] in CLOSED:
        raise refusal("This dispute is already closed.")
    body["status"] = "lost" if body["balance_transactions"] else "warning_closed"
    return body
