"""What undoes an item of a run, and how that must be said: never more than Stripe would take, never assumed."""

import pytest

from billing.core.entries import ItemRecord
from billing.core.errors import UsageError
from billing.core.items import Cancellation, FeeBack, Kind, Refund, When
from billing.core.kinds.charge import State
from billing.edge.runfiles.reversal_file import SHEETS
from billing.edge.runfiles.schemas import SCHEMAS
from billing.flow.kinds.charge.reversal import refund_of
from billing.flow.kinds.inverses import INVERSES, inverse_of
from billing.flow.kinds.subscription.reversal import cancellation_of


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


@pytest.mark.parametrize("when", list(When))
@pytest.mark.parametrize("clear_fee", [True, False])
def test_the_end_of_a_subscription_names_it_and_the_run_that_made_it(when, clear_fee):
    item = ItemRecord(
        1, "item", "gym-2026-10", Kind.SUBSCRIPTION, "GYM-1", 0, "acct_1", "cus_1", 2900, "usd", "d" * 64, {},
        State.SUCCEEDED, object_id="sub_1",
    )  # fmt: skip
    end = cancellation_of(item, when, clear_fee=clear_fee)
    assert end == Cancellation("GYM-1", "acct_1", "cus_1", "sub_1", when, "gym-2026-10", clear_fee)


def test_every_kind_that_undoes_another_has_a_file_that_is_read_as_it_is_written():
    words = {schema.kind: schema for schema in SCHEMAS}
    for inverse in INVERSES.values():
        sheet, schema = SHEETS[inverse.kind], words[inverse.kind]
        assert (sheet.word, sheet.columns) == (schema.word, schema.names)


@pytest.mark.parametrize(
    ("kind", "said", "asks"),
    [
        (Kind.CHARGE, {}, "has charges, say --fee refund or --fee keep"),
        (Kind.CHARGE, {"when": "now"}, "has charges, and --when is not for them; say --fee refund"),
        (Kind.CHARGE, {"fee": "keep", "clear_fee": "yes"}, "and --clear-fee is not for them"),
        (Kind.REFUND, {"fee": "keep"}, "has refunds, which nothing undoes"),
        (Kind.CANCELLATION, {"when": "now"}, "has cancellations, which nothing undoes"),
    ],
)
def test_how_a_run_is_undone_is_said_and_never_assumed(kind, said, asks):
    with pytest.raises(UsageError) as refused:
        inverse_of("coaching-2026-11", kind, said)
    assert asks in str(refused.value)


def test_what_is_said_rightly_makes_what_undoes_it():
    assert inverse_of("coaching-2026-11", Kind.CHARGE, {"fee": "keep"}).kind is Kind.REFUND
    item = ItemRecord(
        1, "item", "coaching-2026-11", Kind.CHARGE, "INV-1", 0, "acct_1", "cus_1", 5000, "usd", "d" * 64, {},
        State.SUCCEEDED, object_id="pi_1", facts={"charge": "ch_1"},
    )  # fmt: skip
    assert isinstance(INVERSES[Kind.CHARGE].build(item, {"fee": "keep"}), Refund)
