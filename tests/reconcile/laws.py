"""What must hold of a comparison in any world: all named, none made up, sums exact, the same once more."""

from collections import Counter

from billing.core.reconciling.kinds import Kind as Found
from billing.flow.reconciling.reconcile import Reconciled
from tests.flow.world import RUN
from tests.reconcile.meddling import UNDO, Meddled
from tests.reconcile.truth import expected_net, truth_of


def found_in(done: Reconciled) -> set[tuple[str, str]]:
    return {(one.kind, one.object) for one in done.findings}


async def hold(one: Meddled, done: Reconciled) -> None:
    """Hold a comparison against the sandbox's own books, to the minor unit."""
    assert done.unread == {}, list(done.unread.values())
    found = {pair for pair in found_in(done) if pair[0] is not Found.PAYOUT_FAILED}
    assert found == one.expected, (one.deeds, sorted(found ^ one.expected))
    assert len(done.findings) == len(found_in(done)), "a difference is named twice"
    truth = truth_of(one.sandbox, RUN)
    net = {(name, code): sums.net for name, each in done.results.items() for code, sums in each.sums.items()}
    differing = {key: (net.get(key, 0), truth.net[key]) for key in {*net, *truth.net}}
    assert all(told == true for told, true in differing.values()), (differing, one.deeds)
    ours = expected_net(one.sandbox, await one.known(), await one.known(UNDO))
    told = {(name, code): sums.net_ours for name, each in done.results.items() for code, sums in each.sums.items()}
    told = {key: minor for key, minor in told.items() if minor}
    assert told == {key: minor for key, minor in ours.items() if minor}, one.deeds
    named: Counter[tuple[str, str]] = Counter()
    for finding in done.findings:
        for code, minor in finding.effects.items():
            named[finding.account, code] += minor
    for key in {*net, *ours, *named}:
        assert ours[key] + named[key] == net.get(key, 0), (key, one.deeds)
    assert all(sums.unexplained == 0 for sums in done.totals.values())
    _where(one, done)


def _where(one: Meddled, done: Reconciled) -> None:
    truth = truth_of(one.sandbox, RUN)
    for name, each in done.results.items():
        for code, sums in each.sums.items():
            places = {"paid_out": sums.paid_out, "on_its_way": sums.on_its_way, "held": sums.held}
            for place, minor in places.items() if not each.doubtful else ():
                assert minor == truth.where[name, code, place], (place, name, code, places, one.deeds)
            assert sums.paid_out + sums.on_its_way + sums.held == sums.net
    failed = {pair[1] for pair in found_in(done) if pair[0] is Found.PAYOUT_FAILED}
    doubtful = {name for name, each in done.results.items() if each.doubtful}
    assert not doubtful or "lost_row" in one.deeds
    held = {name for (name, _, place), minor in truth.where.items() if place == "held" and minor}
    assert held - doubtful <= {one.account for one in done.findings if one.object in failed}
