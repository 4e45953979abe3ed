"""The arithmetic of a budget that workers share: never above the limit, nothing of it lost, learned once for all."""

import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from billing.edge.pacing.limit_owner import Doubt
from billing.edge.pacing.pacer import BURST, BURST_SECONDS, Pacer, Phase
from billing.edge.pacing.shared.asking import KEY, Answer, Ask, Begin, Refusal, Token, of_endpoint
from billing.edge.pacing.shared.granting import KNOCK_SECONDS, OUTAGE_SECONDS, answered, needed
from billing.edge.pacing.shared.limiter import AHEAD, FRESH_SECONDS, SHARE

NOW = 1_796_000_000.0


@dataclass
class Desk:
    """The rows of one budget, written and read as JSON at every ask.

    Attributes:
        begins: how each limiter begins, by its name.
    """

    begins: Mapping[str, Begin]
    now: float = NOW
    rows: dict[str, str] = field(default_factory=dict)
    taken: list[Token] = field(default_factory=list)

    def ask(self, worker: str = "a", wanted: Sequence[str] = (), **more: Any) -> Answer:
        ask = Ask(worker, wanted, limiters=more.pop("limiters", self.begins), **more)
        rows = {name: json.loads(self.rows.get(name, "{}")) for name in needed(ask)}
        answer, after = answered(ask, rows, self.now)
        self.rows |= {name: json.dumps(state) for name, state in after.items()}
        self.taken += answer.tokens
        return answer


def desk(key: float = 100.0, start: float | None = None, **endpoints: float) -> Desk:
    """Rows of a key and its endpoints, none of which has been used."""
    named = {of_endpoint(name): Begin(rate, start) for name, rate in (endpoints or {"open": key}).items()}
    return Desk({KEY: Begin(key, start), **named})


def most_in_any_second(times: Sequence[float]) -> int:
    ordered = sorted(times)
    return max(sum(start <= time < start + 1 for time in ordered) for start in ordered)


def works(on: Desk, seconds: float, demand: Mapping[str, Sequence[str]], seed: int = 0) -> Counter[str]:
    """Let each worker ask whenever its tokens are used up; return how many each was promised."""
    chance, got, due = random.Random(seed), Counter[str](), dict.fromkeys(demand, on.now)
    while (now := min(due.values())) < NOW + seconds:
        worker = min(due, key=due.__getitem__)
        on.now = now
        answer = on.ask(worker, demand[worker], lead=0.003)
        got[worker] += len(answer.tokens)
        last = max((token.at for token in answer.tokens), default=answer.again or now)
        due[worker] = max(now + 0.001, last - 0.02) + chance.uniform(0.0, 0.01)
    return got


@pytest.mark.parametrize("key", [5.0, 60.0, 1000.0])
@pytest.mark.parametrize("workers", [1, 8])
def test_in_no_second_are_more_tokens_good_than_the_limit_and_the_limit_is_used(key, workers):
    on = desk(key, open=key, clone=key, confirm=key)
    works(on, 6.0, {str(n): ["open", "clone", "confirm"] * 30 for n in range(workers)})
    times = [token.at for token in on.taken if token.at < NOW + 6.0]
    assert most_in_any_second(times) <= key * SHARE + max(BURST, BURST_SECONDS * key)
    assert len(times) >= key * SHARE * 6.0 * 0.98 - 1


def test_workers_with_as_much_to_do_get_as_much():
    got = works(desk(100.0), 20.0, {str(n): ["open"] * 50 for n in range(8)})
    assert sum(got.values()) ** 2 / (8 * sum(each * each for each in got.values())) >= 0.99


def test_one_busy_worker_gets_what_the_idle_ones_leave():
    got = works(desk(100.0), 10.0, {"busy": ["open"] * 50})
    assert got["busy"] >= 0.98 * 100.0 * SHARE * 10.0


def test_a_deep_queue_of_one_endpoint_leaves_the_keys_tokens_to_the_others():
    on = desk(100.0, open=25.0, clone=25.0, confirm=25.0)
    works(on, 10.0, {"a": ["open"] * 90, "b": ["clone"] * 90, "c": ["confirm"] * 90})
    each = Counter(token.endpoint for token in on.taken if token.at < NOW + 10.0)
    assert min(each.values()) >= 0.97 * 25.0 * SHARE * 10.0


def test_endpoints_that_want_more_than_the_key_share_it():
    on = desk(30.0, open=25.0, clone=25.0)
    works(on, 10.0, {"a": ["open"] * 90, "b": ["clone"] * 90})
    times = [token.at for token in on.taken if token.at < NOW + 10.0]
    assert most_in_any_second(times) <= 30.0 * SHARE + BURST
    assert len(times) >= 0.97 * 30.0 * SHARE * 10.0


def test_a_pacer_that_is_written_down_goes_on_as_if_it_had_not_been():
    pacer, now = Pacer(100.0, 20.0), NOW
    for turn in range(600):
        now = max(now, -(-pacer.due * 1_000_000 // 1) / 1_000_000)
        pacer.take(now)
        if turn in (150, 151, 152, 300):
            pacer.refused(now + 0.05, now)
        again = Pacer.of(json.loads(json.dumps(pacer.state(0.0))))
        for at in (now + 0.1, now + 0.2):
            assert again.sends_between(now - 1.0, at) == pacer.sends_between(now - 1.0, at)
        assert again.state(0.0) == pacer.state(0.0)
        pacer = again
    assert {pacer.phase} <= set(Phase)


def test_what_one_worker_is_refused_slows_all_of_them():
    on = desk(100.0)
    tokens = on.ask("a", ["open"] * 20).tokens
    on.now += 0.1
    on.ask("b", refusals=[Refusal(KEY, tokens[3].at, None)])
    assert on.ask("a", ["open"]).pacers[KEY].measuring
    assert on.ask("c", ["open"]).pacers[KEY].rate < 100.0 * SHARE


def test_a_lower_bound_on_the_wait_holds_for_all():
    on = desk(100.0)
    tokens = on.ask("a", ["open"]).tokens
    on.ask("a", refusals=[Refusal(KEY, tokens[0].at, 7.0)])
    answer = on.ask("b", ["open"])
    assert not answer.tokens
    assert answer.again is not None
    on.now = answer.again
    while not (answer := on.ask("b", ["open"])).tokens:
        on.now = max(on.now + 0.01, answer.again or 0.0)
    assert answer.tokens[0].at >= NOW + 7.0


def test_the_lowest_cap_of_those_at_work_is_the_cap_of_all():
    on = desk(100.0)
    on.ask("a", ["open"], limiters=desk(10.0).begins)
    assert on.ask("b", ["open"]).pacers[KEY].rate == pytest.approx(10.0 * SHARE)
    on.now += 11.0
    assert on.ask("b", ["open"]).pacers[KEY].rate == pytest.approx(100.0 * SHARE)


def test_while_a_limit_is_measured_nothing_is_promised_beyond_the_answers_to_come():
    on = desk(100.0)
    tokens = on.ask("a", ["open"] * 25).tokens
    on.now += 0.05
    on.ask("a", refusals=[Refusal(KEY, tokens[2].at, None)])
    for worker in "bcdefgh":
        on.ask(worker, ["open"] * 25)
    assert max(token.at for token in on.taken) <= max(tokens[-1].at, on.now + AHEAD[Phase.MEASURE])


def test_tokens_that_were_thrown_away_do_not_count_as_let_in():
    on = desk(100.0)
    tokens = on.ask("a", ["open"] * 10).tokens
    on.ask("a", unsent=tokens[:4])
    pacer = on.ask("a").pacers[KEY]
    assert pacer.sends_between(NOW - 1.0, NOW + 1.0) == 6


def test_an_outage_holds_all_back_and_one_request_knocks_for_all():
    on = desk(100.0)
    on.ask("a", down=True)
    assert not on.ask("b", ["open"]).tokens
    on.now += KNOCK_SECONDS
    assert not on.ask("b", ["open"]).tokens  # it takes the provider to be there, and waits
    assert len(on.ask("a", ["open"] * 5, probing=True).tokens) == 1
    assert not on.ask("c", ["open"], probing=True).tokens
    on.ask("a", down=False)
    assert on.ask("b", ["open"] * 3).tokens
    assert on.ask("c", ["open"]).tokens


def test_an_outage_that_nobody_speaks_of_any_more_is_over():
    on = desk(100.0)
    on.ask("a", down=True)
    on.now += OUTAGE_SECONDS + 0.1
    assert on.ask("b", ["open"]).tokens


def test_refusals_that_accounts_of_several_workers_do_not_explain_are_the_keys_and_all_are_acquitted():
    on = desk(100.0)
    for n, worker in enumerate("abc"):
        tokens = on.ask(worker, ["open"], accounts=1).tokens
        on.now = tokens[-1].at + 0.05
        doubt = Doubt(f"acct_{n}", tokens[-1].at, 5.0, explained=False)
        answer = on.ask(worker, doubts=[(doubt, None)], accounts=1)
    assert answer.pacers[KEY].measuring
    for worker in "abc":
        assert on.ask(worker, heard=NOW).acquitted == {"acct_0": 5.0, "acct_1": 5.0, "acct_2": 5.0}
        assert on.ask(worker, heard=on.now).acquitted == {}


def test_a_refusal_that_its_account_explains_leaves_the_key_alone():
    on = desk(100.0)
    tokens = on.ask("a", ["open"], accounts=3).tokens
    answer = on.ask("a", doubts=[(Doubt("acct_0", tokens[0].at, 5.0, explained=True), None)], accounts=3)
    assert not answer.pacers[KEY].measuring


@pytest.mark.parametrize("hours", [-2.0, 2.0])
def test_what_another_clock_has_promised_holds_nobody_up(hours):
    on = desk(100.0)
    on.ask("a", ["open"] * 25)
    on.now += hours * 3600.0
    assert on.ask("b", ["open"]).tokens[0].at <= on.now + 0.1


def test_a_limit_that_nobody_has_used_for_a_while_begins_anew():
    on = desk(100.0, start=20.0)
    assert on.ask("a", ["open"]).pacers[KEY].rate == pytest.approx(20.0)
    works(on, 8.0, {"a": ["open"] * 50})
    assert on.ask("a", ["open"]).pacers[KEY].rate > 50.0
    on.now += FRESH_SECONDS + 1.0
    assert on.ask("a", ["open"]).pacers[KEY].rate == pytest.approx(20.0)
