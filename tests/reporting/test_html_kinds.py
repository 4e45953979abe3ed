"""The page of a report tells of every kind of run in that kind's words, and of one under way what is so by then."""

import re

import pytest

from billing.core.items import Kind
from billing.flow.reporting.html import html_text
from billing.flow.reporting.kindwords import WORDS
from tests.flow.world import World
from tests.reporting.test_overview import RUNS

MONEYLESS = {Kind.PAYER, Kind.SYNC, Kind.CANCELLATION}
ANSWER = re.compile(r'<div class="card verdict"><strong>([^<]*)</strong>')


@pytest.mark.parametrize("kind", Kind)
async def test_a_run_of_any_kind_is_told_in_its_own_words_without_an_empty_section(tmp_path, kind):
    world = await RUNS[kind](tmp_path)
    async with world.read() as ledger:
        text = "".join(html_text(ledger, ledger.runs()[0].run_id))
    (answer,) = ANSWER.findall(text)
    assert WORDS[kind].done in answer or WORDS[kind].done_one in answer
    assert f"{WORDS[kind].title} for" in text
    assert ("<h2>Money</h2>" in text) == (kind not in MONEYLESS)
    assert not re.search(r"<tbody[^>]*>\s*</tbody>", text)
    assert "None" not in re.sub(r"<style>.*?</style>|<script>.*?</script>", "", text, flags=re.DOTALL)


async def test_a_run_that_has_not_begun_says_so_and_claims_nothing_of_answers(tmp_path):
    world = World.make(tmp_path, items=6, accounts=2)
    async with world.services() as services:
        await world.plan(services)
        text = "".join(html_text(services.ledger, services.ledger.runs()[0].run_id))
    assert "Planned and not begun: 6 payments." in text
    assert "No answer is outstanding" not in text
