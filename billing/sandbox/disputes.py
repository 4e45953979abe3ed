"""Disputes: the payer, or the payer's bank, takes a charge back, or only asks about it.

Sources: docs.stripe.com/disputes/how-disputes-work, docs.stripe.com/api/disputes, docs.stripe.com/testing.
"""

from billing.sandbox import fraud_warnings, tariff
from billing.sandbox.config import DAY
from billing.sandbox.events import record, snapshot
from billing.sandbox.funds import transaction
from billing.sandbox.metadata import merged
from billing.sandbox.refusals import Obj, refusal
from billing.sandbox.testmethods import Act, Complaint, TestMethod
from billing.sandbox.world import Call

ANSWER_SECONDS = 7 * DAY
INQUIRY_SECONDS = 120 * DAY  # after which an inquiry that nobody escalated is closed
EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
    "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
    "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation", "duplicate_charge_explanation",
    "duplicate_charge_id", "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address", "shipping_carrier",
    "shipping_date", "shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
)  # fmt: skip
REASONS = frozenset({
    "bank_cannot_process", "check_returned", "credit_not_processed", "customer_initiated", "debit_not_authorized",
    "duplicate", "fraudulent", "general", "incorrect_account_details", "insufficient_funds", "noncompliant",
    "product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized",
})  # fmt: skip
FAILURES = frozenset({"bank_cannot_process", "incorrect_account_details", "insufficient_funds"})
# Reasons of a bank that could not pay: no payer complains, and what it costs is the fee of a failed debit.
WARNED = frozenset({"warning_needs_response", "warning_under_review"})
CONTESTED = frozenset({"needs_response", "under_review"})
CLOSED = frozenset({"lost", "won", "warning_closed"})
FOLLOWS = {  # a status: the ones it can follow. A lost dispute may be won long after; one born lost is final
    "won": CONTESTED | {"lost"}, "lost": CONTESTED, "warning_closed": WARNED, "needs_response": WARNED,
}  # fmt: skip
ENDS = {  # test evidence that decides (docs.stripe.com/testing): what a dispute and an inquiry become
    "winning_evidence": ("won", "warning_closed"), "losing_evidence": ("lost", "warning_closed"),
    "escalate_inquiry_evidence": (None, "needs_response"),
}  # fmt: skip


def complain(call: Call, charge: Obj, acts: TestMethod) -> None:
    """What a test method has in store for its charges: a warning, a dispute, or several of parts that make it up."""
    if acts.warns:
        fraud_warnings.warn(call, charge, "made_with_stolen_card")
    if acts.act is not Act.DISPUTES:
        return
    part, rest = divmod(charge["amount"], acts.disputes)
    for n in range(acts.disputes):
        open_dispute(call, charge, acts.complaint, part + (rest if n == 0 else 0))


def open_dispute(call: Call, charge: Obj, complaint: Complaint, amount: int | None = None) -> Obj:
    """A dispute of a paid charge, or of a part of it; all but an inquiry take the money at once."""
    call = call.unasked()
    body = call.account["dp"].add(_body(call, charge, complaint, charge["amount"] if amount is None else amount))
    charge["disputed"] = True
    fraud_warnings.look_again(call, charge)
    record(call, "charge.dispute.created", body)
    if not complaint.inquiry:
        _move(call, body, -1)
    if complaint.final:
        record(call, "charge.dispute.closed", body)
        return body
    _await_answer(call, body)
    if complaint.inquiry:
        call.world.agenda.add(call.world.now + INQUIRY_SECONDS, lambda: _run_out(call, body))
    return body


def _body(call: Call, charge: Obj, complaint: Complaint, amount: int) -> Obj:
    body: Obj = {
        "id": call.new_id("dp"), "object": "dispute", "amount": amount, "balance_transactions": [],
        "charge": charge["id"], "created": call.world.seconds, "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": dict.fromkeys(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": None, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
            "submission_count": 0, "submission_method": "not_submitted",
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
    return body


def is_final(body: Obj) -> bool:
    """Whether a dispute was born lost, as the return of a bank debit is: nothing can be answered."""
    return body["status"] == "lost" and body["evidence_details"]["due_by"] is None


def _await_answer(call: Call, body: Obj) -> None:
    """A dispute that nobody answers in time is lost; an inquiry then waits to be closed or escalated."""
    due = call.world.now + ANSWER_SECONDS
    body["evidence_details"]["due_by"] = int(due)

    def over() -> None:
        if body["evidence_details"]["due_by"] != int(due):
            return
        if body["status"] in ("needs_response", "warning_needs_response"):
            before = snapshot(body)
            body["evidence_details"]["past_due"] = True
            record(call, "charge.dispute.updated", body, before)
        if body["status"] == "needs_response":
            end(call, body, "lost")

    call.world.agenda.add(due, over)


def _run_out(call: Call, body: Obj) -> None:
    if body["status"] in WARNED:
        end(call, body, "warning_closed")


def _move(call: Call, body: Obj, sign: int) -> None:
    """Withdraw the disputed money with a fee, or reinstate it."""
    own = call.account.body["default_currency"]
    amount, rate = tariff.settled(body["amount"], body["currency"], own)
    failed = body["reason"] in FAILURES
    cost, words = (tariff.RETURN_FEE, "Failed debit fee") if failed else (tariff.DISPUTE_FEE, "Dispute fee")
    details = [tariff.fee_detail("stripe_fee", cost, own, words)] if sign < 0 else []
    row = transaction(
        call.world, call.account, kind="adjustment", amount=sign * amount, source=body, livemode=body["livemode"],
        details=details, rate=rate, category="dispute" if sign < 0 else "dispute_reversal",
        description=f"Chargeback {'withdrawal' if sign < 0 else 'reversal'} for {body['charge']}",
    )  # fmt: skip
    body["balance_transactions"].append(row)
    record(call, f"charge.dispute.funds_{'withdrawn' if sign < 0 else 'reinstated'}", body)


def bars_refund(call: Call, charge: Obj) -> bool:
    """Whether a dispute keeps this charge from being refunded."""
    rows = [row for row in call.account["dp"] if row["charge"] == charge["id"]]
    return any(not row["is_charge_refundable"] and row["status"] != "won" for row in rows)


def update(call: Call) -> Obj:
    """Evidence and metadata; with ``submit`` the evidence goes to the bank, which test evidence decides at once."""
    body, params = call.find("dp", call.ids[0]), call.params
    before = snapshot(body)
    body["metadata"] = merged(body["metadata"], params.get("metadata"))
    evidence = params.get("evidence") or {}
    if evidence and body["status"] in CLOSED:
        raise refusal("This dispute is already closed.", param="evidence")
    body["evidence"] |= {name: value or None for name, value in evidence.items() if name in EVIDENCE}
    held = body["evidence_details"]
    held["has_evidence"] = any(body["evidence"][name] for name in EVIDENCE)
    submitted = evidence and call.given("submit", True)
    if submitted:
        held |= {"submission_count": held["submission_count"] + 1, "submission_method": "manual"}
        warned = "warning_" if body["status"] in WARNED else ""
        body["status"] = f"{warned}under_review"
    record(call, "charge.dispute.updated", body, before)
    dispute_end, inquiry_end = ENDS.get(body["evidence"]["uncategorized_text"] or "", (None, None))
    wanted = inquiry_end if body["status"] in WARNED else dispute_end
    if submitted and wanted:
        end(call, body, wanted)
    return body


def end(call: Call, body: Obj, status: str) -> Obj:
    """The bank decides: ``won``, also long after it was ``lost``; ``lost``; or an inquiry ends, or is escalated.

    ``needs_response`` escalates an inquiry into a dispute, which takes the money. Follow ``FOLLOWS``.
    """
    before = snapshot(body)
    body["status"] = status
    if status == "needs_response":
        body["is_charge_refundable"] = False
        if "payment_method_details" in body:
            body["payment_method_details"]["card"]["case_type"] = "chargeback"
        _await_answer(call, body)
        _move(call, body, -1)
        record(call, "charge.dispute.updated", body, before)
        return body
    if status == "won":
        _move(call, body, 1)
    record(call, "charge.dispute.closed", body)
    return body


def close(call: Call) -> Obj:
    """Give in."""
    body = call.find("dp", call.ids[0])
    if body["status"] in CLOSED:
        raise refusal("This dispute is already closed.")
    return end(call, body, "warning_closed" if body["status"] in WARNED else "lost")
