"""What a person sees of look-ups: what they will cost, and how far they are."""

from billing.cli.session import Session
from billing.cli.tables import duration, plural
from billing.cli.terminal import write_err
from billing.core.estimates import Reads
from billing.flow.engine.progress import Watch
from billing.flow.planning.preflight import Lookout

WORTH_SAYING = 5.0
# Seconds: what is shorter is over before it is read.


def lookout(session: Session, watch: Watch) -> Lookout:
    """Return who is told of look-ups: the log always, a person where they take a while."""

    def foretell(reads: Reads) -> None:
        session.log(
            "lookups_expected",
            names=reads.names,
            requests=reads.requests,
            seconds=round(reads.seconds),
            at_least=reads.at_least,
        )
        if reads.seconds >= WORTH_SAYING and not session.json:
            write_err(expectation(reads))

    return Lookout(foretell, watch)


def expectation(reads: Reads) -> str:
    """Write what look-ups will cost, one line."""
    requests = plural(reads.requests, "request")
    names, how_long = plural(reads.names, "name"), duration(reads.seconds)
    if reads.at_least:
        return f"Looking up {names} at Stripe: at least {requests}, {how_long} or more"
    return f"Looking up {names} at Stripe: {requests}, about {how_long}"
