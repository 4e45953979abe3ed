"""What undoes a charge asks for nothing that Stripe would refuse."""

import pytest

from billing.core.entries import ItemRecord
from billing.core.items import FeeBack, Kind
from billing.core.kinds.charge import State
from billing.flow.kinds.charge.reversal import refund_of


@pytest.mark.parametrize("said", list(FeeBack))
@pytest.mark.parametrize("share", [None, 500])
def test_the_platforms_share_goes_back_only_where_there_is_one(said, share):
    content = {} if share is None else {"application_fee": share}
    item = ItemRecord(
        1, "item", "coaching-2026-11", Kind.CHARGE, "INV-1", 0, "acct_1", "cus_1", 5000, "usd", "d" * 64, content,
        State.SUCCEEDED, object_id="pi_1", facts={"charge": "ch_1"},
    )  # fmt: skip
    refund = refund_of(item, said)
    assert refund.fee is (said if share else FeeBack.KEEP)
    assert (refund.reference, refund.intent, refund.charge, refund.amount.minor) == ("INV-1", "pi_1", "ch_1", 5000)
