"""The same jitter every time: what a run takes is held to bounds, and a bound that holds by luck holds nothing."""

import random

import pytest


@pytest.fixture(autouse=True)
def same_jitter() -> None:
    """Seed the pauses between repeats, which the product draws from the process's own randomness."""
    random.seed(0)
