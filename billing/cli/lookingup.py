"""What a person sees of look-ups: what they will cost, and how far they are."""

from billing.cli.face import say
from billing.cli.session import Session
from billing.cli.tables import duration, plural
from billing.core.estimates import Reads
from billing.flow.progress import Watch
from billing.flow.scout import Lookout

WORTH_SAYING = 5.0
# Seconds: what is shorter is over before it is read.


def lookout(session: Session, watch: Watch) -> Lookout:
    """Return who is told of look-ups: the log always, a person where they take a while."""

    def foretell(reads: Reads) -> None:
        session.log("lookups_expected", names=reads.names, requests=reads.requests, seconds=round(reads.seconds))
        if reads.seconds >= WORTH_SAYING and not session.json:
            say(expectation(reads))

    return Lookout(foretell, watch)


def expectation(reads: Reads) -> str:
    """Write what look-ups will cost, one line."""
    requests = plural(reads.requests, "request")
    return f"Looking up {plural(reads.names, 'name')} at Stripe: {requests}, about {duration(reads.seconds)}"
