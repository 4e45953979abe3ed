"""What holds of every story, whatever has become of the line: asked of ledgers of any kind."""

from collections import Counter
from collections.abc import Iterator

from billing.core.entries import ItemRecord
from billing.core.groups import group_of
from billing.core.kinds import LIVES, life_of
from billing.core.life import Group
from billing.core.movements import MOVEMENT, Movement
from billing.core.reconciling.claims import intent_of
from billing.core.stories.moneys import MOVES, amount_taken
from billing.core.stories.notes import UNTOLD
from billing.core.stories.story import Story
from billing.edge.ledger import Ledger
from billing.flow.report import known_run
from billing.flow.reporting.life import story_of

BY_STRIPE = frozenset({"charged", "refunded", "disputed", "other", "stripe_fee", "application_fee"})


def explained(ledger: Ledger, most: int = 10**9) -> list[tuple[ItemRecord, Story]]:
    """Tell the newest life of every obligation of a ledger, hold it against the laws, and return all."""
    found = []
    for item in newest(ledger):
        if len(found) == most:
            break
        story = story_of(ledger, known_run(ledger, item.run_id), item.reference)
        hold(ledger, item, story)
        found.append((item, story))
    return found


def newest(ledger: Ledger) -> Iterator[ItemRecord]:
    """Every obligation's item that says where it stands."""
    for run in ledger.runs():
        for line in ledger.report(run.run_id):
            if line.item is not None and line.owned and line.item.generation == _last(ledger, line.item):
                yield line.item


def _last(ledger: Ledger, item: ItemRecord) -> int:
    run = known_run(ledger, item.run_id)
    return ledger.obligations(run.platform, run.mode, run.period, [item.reference], run.kind)[item.reference].generation


def hold(ledger: Ledger, item: ItemRecord, story: Story) -> None:
    """Hold one story against what the ledger has."""
    _holes(story)
    _answer(item, story)
    _entries(ledger, item, story)
    _money(ledger, item, story)
    assert [step.at for step in story.steps] == sorted(step.at for step in story.steps)
    assert all(step.title != UNTOLD[0] or "lost" not in step.lines[0] for step in story.steps)


def _holes(story: Story) -> None:
    told = [*story.answer, *story.money.says, story.todo.title, *(each.says for each in story.beside)]
    told += [text for step in story.steps for text in (step.title, *step.says)]
    assert story.answer[0]
    assert all(told), "an empty sentence"
    assert not [text for text in told if "None" in text.split()]


def _answer(item: ItemRecord, story: Story) -> None:
    """Paid says paid, and nothing else does."""
    word = LIVES[item.kind].word(Group.SUCCEEDED).capitalize()
    first = next(text for text in story.answer if not text.startswith("Run "))
    assert first.startswith(word) == (group_of(item) is Group.SUCCEEDED), (item.state, item.facts, first)
    assert (story.head.state, story.head.amount, story.head.currency) == (str(item.state), item.amount, item.currency)


def _entries(ledger: Ledger, item: ItemRecord, story: Story) -> None:
    """Every entry of the line is told in exactly one step, and none of another line."""
    told = Counter(record.seq for step in story.steps for record in step.record)
    assert set(told.values()) <= {1}
    own = {entry.seq for entry in ledger.entries(item.run_id, item.reference) if entry.item_id == item.item_id}
    assert own <= set(told)
    known = {entry.seq for entry in ledger.entries(None, item.reference)}
    if all(each.run == item.run_id for step in story.steps for each in step.record):
        assert set(told) <= known


def _money(ledger: Ledger, item: ItemRecord, story: Story) -> None:
    """The amounts are those of Stripe's rows where these are known, else those of the lines."""
    rows = story.money.rows
    if item.kind not in MOVES:
        assert rows == ()
        return
    intent = intent_of(item)
    kept = [Movement.from_facts(*each) for each in ledger.kept(MOVEMENT, f"{item.account}/")]
    own = [row for row in kept if row.item == item.item_id or (intent and row.intent == intent)]
    nets = Counter[str]()
    for row in own:
        nets[row.currency] += row.net
    if item.generation == 0:
        assert {row.currency: row.amount for row in rows if row.code == "net"} == dict(nets)
    for currency in nets:
        parts = sum(row.amount for row in rows if row.currency == currency and row.code in BY_STRIPE)
        assert parts == sum(row.amount for row in rows if row.currency == currency and row.code == "net")
    if not own and item.generation == 0:
        code = "refunded" if item.kind == "refund" else "charged"
        said = sum(abs(row.amount) for row in rows if row.code == code)
        assert said == amount_taken(item)
        done = group_of(item) is Group.SUCCEEDED or item.state in life_of(item.state).taken_back
        assert bool(said) == (done and item.amount > 0)  # of a subscription nothing may be due at once
