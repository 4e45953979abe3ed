"""What a line is told of its rows, for the columns of a report."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from billing.core.items import Kind
from billing.flow.reconciling.keeping import booked
from tests.flow.test_scheduler import BLANK
from tests.journals.books import CHARGE

FEE = st.integers(-500, 5_000)


@given(stripe=FEE, share=FEE, other=FEE)
def test_a_line_of_a_report_adds_up_whatever_fees_stripe_takes(stripe, share, other):
    fee = stripe + share + other
    row = replace(CHARGE, fee=fee, net=CHARGE.amount - fee, stripe_fee=stripe, application_fee=share, other_fees=other)
    told = booked(replace(BLANK, kind=Kind.CHARGE), [row])
    assert told["stripe_fee"] + share + told["net"] == row.amount
