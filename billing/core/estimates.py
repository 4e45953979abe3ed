"""How long a run takes: the slowest of its limits, the start that some of them need, and the last answer."""

import math
from dataclasses import dataclass

MEDIAN_SECONDS = 0.6
# Of one answer. Not documented; that is what calls of this kind take.
MEAN_SHARE, LONGER_OF_TWO_SHARE = 1.13, 1.45
# Of the median: the mean answer, and the mean of the later of two, for times spread as those of services are
# (lognormal, sigma 0.5).
ROUND_SHARES = {1: MEAN_SHARE, 2: LONGER_OF_TWO_SHARE}
# Of a round of so many requests that leave together; the next one follows when all of them are answered.
LAST_SHARE = 1.5
# Of the usual seconds of an item: several are in flight at the end, and the slowest of them is waited for.
DOUBLING_SECONDS = 1.5
# In which a limiter that begins below its limit doubles its rate. (edge/pacing/README.md, "Hold, measure, probe")


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost: requests in all, and seconds at the pace that is allowed."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Reads:
    """What look-ups cost.

    Attributes:
        names: what was asked for.
        requests: what that took; before it is done, what it will take.
        seconds: likewise.
        at_least: before it is done: nobody can know how long a list is, so that it may take more.
    """

    names: int = 0
    requests: int = 0
    seconds: float = 0.0
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """What a run asks for.

    Attributes:
        items: how many are carried out; what is skipped costs nothing.
        rounds: of requests that an item takes: how many leave together, one round after another.
        largest_account: how many of them belong to the account with the most.
        largest_payer: how many of them belong to the platform customer with the most.
        accounts: on how many connected accounts they are; each is listed once before anything is opened there.
        payer_accounts: accounts on which that customer's items come first, so that they wait for a list each.
        others: requests that are no item's and no account's: whose key it is, and the defaults of customers.
    """

    items: int
    rounds: tuple[int, ...]
    largest_account: int
    largest_payer: int = 1
    accounts: int = 0
    payer_accounts: int = 0
    others: int = 0


@dataclass(frozen=True, slots=True)
class Speed:
    """What is allowed.

    Attributes:
        key_rps: requests a second of the key.
        endpoint_rps: requests a second of one endpoint.
        account_rps: requests a second on one connected account.
        concurrency: requests in flight.
        start_rps: requests a second where the key begins; None when it begins where it stays.
        answer: median seconds of one answer.
    """

    key_rps: float
    endpoint_rps: float
    account_rps: float
    concurrency: int = 64
    start_rps: float | None = None
    answer: float = MEDIAN_SECONDS


def estimate(load: Load, speed: Speed) -> Estimate:
    """Return the requests it takes when every item is paid at once (a decline takes more), and the seconds.

    Those are what the controller will achieve, not a bound: within 10 % of what a run takes when limits are as said.

    A run takes as long as the slowest of these, because everything else goes on beside it:

    - the key: all requests of each item, and a list of each account, at its rate;
    - an endpoint: one request of each item at its rate;
    - the largest account: its list, then all requests of each of its items at the account's rate, after its first
      item, which goes alone until it is answered;
    - what is in flight: the seconds that all answers take, so many at once;
    - the largest payer: its items one after another, each as long as its answers take, and the lists it waits for;

    and then the last items still have to be answered. A key that begins below its rate adds what it falls behind
    while it doubles up to it.
    """
    if not load.items:
        return Estimate(0, 0.0)
    each = sum(load.rounds)
    requests = load.items * each + load.accounts + load.others
    listed = speed.answer * MEAN_SHARE if load.accounts else 0.0
    item_seconds = speed.answer * sum(ROUND_SHARES[count] for count in load.rounds)
    paced = max(
        requests / speed.key_rps,
        load.items / speed.endpoint_rps,
        requests * speed.answer * MEAN_SHARE / speed.concurrency,
    )
    followers = load.largest_account - 1
    account = followers * each / speed.account_rps + (item_seconds + listed if followers else 0.0)
    payer = (load.largest_payer - 1) * item_seconds + load.payer_accounts * listed
    seconds = max(paced + _behind(requests / paced, speed.start_rps, requests), account, payer)
    return Estimate(requests, seconds + LAST_SHARE * item_seconds)


def _behind(rps: float, start_rps: float | None, requests: int) -> float:
    """Return the seconds that a rate falls behind ``rps`` while it doubles up to it from ``start_rps``."""
    if start_rps is None or start_rps >= rps:
        return 0.0
    sent = min((rps - start_rps) * DOUBLING_SECONDS / math.log(2), requests)
    reached = start_rps + sent * math.log(2) / DOUBLING_SECONDS
    return DOUBLING_SECONDS * math.log2(reached / start_rps) - sent / rps
