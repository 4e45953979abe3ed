"""Settings of the deliveries to webhook endpoints: how often one is tried, and what may happen to it on its way."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Webhooks:
    """How events are delivered (docs.stripe.com/webhooks). A chance is per delivery, from 0 to 1.

    Attributes:
        retry_seconds: pauses after each failed attempt, on the sandbox's clock; as many retries as there are numbers.
            Stripe's own take three days with growing pauses, which are not published.
        timeout_seconds: how long an endpoint may take to answer.
        duplicate: chance that a delivery is made twice.
        late: chance that it is held back while later ones overtake it.
        late_seconds: how long it is held back at most.
        stale: chance that its signature carries an old time.
        stale_seconds: how old that time is.
        foreign: chance that the endpoint gets one event more, of the other mode; a live endpoint for connected accounts
            gets their test events too.
        roll_seconds: how long the secret before last signs beside the new one.
    """

    retry_seconds: tuple[float, ...] = (60.0, 600.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0, 86_400.0)
    timeout_seconds: float = 10.0
    duplicate: float = 0.0
    late: float = 0.0
    late_seconds: float = 30.0
    stale: float = 0.0
    stale_seconds: float = 600.0
    foreign: float = 0.0
    roll_seconds: float = 86_400.0
