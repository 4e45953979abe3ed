"""The provider's time does not care for the machine's clock."""

from datetime import UTC, datetime

from billing.edge.stripe.clock import ProviderClock


class Hands:
    """A clock set by hand."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def test_until_an_answer_it_is_the_wall_clock():
    assert ProviderClock(Hands(60.0), Hands(5.0)).now() == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)


def test_after_an_answer_it_goes_on_from_its_date_whatever_the_wall_clock_does():
    wall, monotonic = Hands(1e9), Hands(5.0)
    clock = ProviderClock(wall, monotonic)
    clock.learn(86_400.0)
    wall.seconds, monotonic.seconds = 7.0, 65.0
    assert clock.now() == datetime(1970, 1, 2, 0, 1, tzinfo=UTC)


def test_an_answer_without_a_date_teaches_nothing():
    clock = ProviderClock(Hands(1e9), Hands(5.0))
    clock.learn(100.0)
    clock.learn(None)
    assert clock.now().timestamp() == 100.0


def test_days_ago_compares_as_text():
    clock = ProviderClock(Hands(0.0), Hands(0.0))
    clock.learn(30 * 86_400.0)
    assert clock.days_ago(30) == "1970-01-01T00:00:00.000+00:00"
