"""Whole runs in which every item meets one malformed reply: each still ends as its card deserves, and pays once."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from billing.core.errors import BillingError
from billing.core.kinds.charge import State
from billing.core.wire import Wire, WireRequest, WireResponse
from billing.sandbox.inprocess import InProcess
from billing.sandbox.scenario import as_csv
from tests.core.test_malformed import CASES, DEEP, STATUSES, TEXTS, Case, _raw, _with, _without
from tests.flow.world import World
from tests.virtual import run_virtually

OPEN, CLONE, CONFIRM, CANCEL, READ, LIST = "open", "clone", "confirm", "cancel", "read", "list"
LOSES: dict[str, str] = {READ: CONFIRM, LIST: OPEN}
ROUNDS = 60
# Each contradiction stops the run, as it must; a person runs it again. More rounds than contradictions per table.

LISTS = [
    *TEXTS,
    *STATUSES,
    *(case for case in DEEP if case.name != "in a list, 200"),
    _with("another kind of object", object="search_result"),
    _with("object null", object=None),
    _without("object"),
    _without("data"),
    _with("data null", data=None),
    _with("data an object", data={"0": {}}),
    _with("data a text", data="[]"),
    _with("data of numbers", data=[1, 2]),
    _with("data of nulls", data=[None]),
    _with("data of lists", data=[[]]),
    _with("data of texts", data=["pi_1"]),
    _with("data without ids", data=[{"object": "payment_intent"}]),
    _with("data with ids that are numbers", data=[{"object": "payment_intent", "id": 7}]),
    _without("has_more"),
    _with("has_more null", has_more=None),
    _with("has_more a text", has_more="false"),
    _with("has_more a number", has_more=0),
    _raw("data twice", lambda raw: b'{"data": [], ' + raw[1:]),
]


def operation_of(request: WireRequest) -> str:
    """Which request of the protocol this is."""
    path = urlsplit(request.url).path
    match request.method.upper(), path.removeprefix("/v1/").split("/"):
        case "POST", ["payment_intents"]:
            return OPEN
        case "POST", ["payment_methods"]:
            return CLONE
        case "POST", ["payment_intents", _, "confirm"]:
            return CONFIRM
        case "POST", ["payment_intents", _, "cancel"]:
            return CANCEL
        case "GET", ["payment_intents"]:
            return LIST
        case "GET", ["payment_intents", _]:
            return READ
        case _:
            return path


class Spoiling:
    """A wire to the sandbox that spoils the first reply to one kind of request, on every account in another way."""

    def __init__(self, world: World, asked: str, cases: list[Case], *, done: bool) -> None:
        self._wire: Wire = InProcess(world.sandbox)
        self._asked, self._done = asked, done
        self._waiting = dict(zip(world.scenario.accounts, cases, strict=True))
        # To make somebody read an intent, or list an account, an answer must have been lost before.
        self._unanswered = set(self._waiting) if asked in LOSES else set()
        self.spoiled = 0

    async def send(self, request: WireRequest) -> WireResponse:
        account = {name.lower(): value for name, value in request.headers.items()}.get("stripe-account", "")
        asked = operation_of(request)
        if asked == LOSES.get(self._asked) and account in self._unanswered:
            self._unanswered.discard(account)
            await self._wire.send(request)
            return WireResponse(500, {"request-id": "req_lost", "stripe-should-retry": "false"}, b"")
        if asked != self._asked or account not in self._waiting:
            return await self._wire.send(request)
        self.spoiled += 1
        case = self._waiting.pop(account)
        return case.spoil(await (self._true(request) if self._done else self._invented(asked, request)))

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _true(self, request: WireRequest) -> Mapping[str, Any]:
        return json.loads((await self._wire.send(request)).body)

    async def _invented(self, asked: str, request: WireRequest) -> Mapping[str, Any]:
        """What a success would say, although nothing was done."""
        if asked == CLONE:
            return {"id": "pm_never", "object": "payment_method", "livemode": False}
        if asked == OPEN:
            sent = dict(parse_qsl(request.body.decode()))
            metadata = {key[9:-1]: value for key, value in sent.items() if key.startswith("metadata[")}
            facts = {"amount": int(sent["amount"]), "currency": sent["currency"], "metadata": metadata}
            return {"id": "pi_never", "object": "payment_intent", "livemode": False, "status": "succeeded", **facts}
        url = request.url.rpartition("/")[0]
        headers = {name: value for name, value in request.headers.items() if name.lower() != "idempotency-key"}
        intent = await self._true(WireRequest("GET", url, headers))
        final = {CONFIRM: "succeeded", CANCEL: "canceled"}[asked]
        return intent | {"status": final, "amount_received": intent["amount"] if final == "succeeded" else 0}


async def until_nothing_is_open(world: World, wire: Wire) -> None:
    """Run again and again, as a person would after every stop."""
    for _ in range(ROUNDS):
        async with world.services(wire=wire) as services:
            try:
                await world.plan(services)
                await world.run(services)
                await world.resolve(services)
            except BillingError:
                continue  # a contradiction stopped the run: its state is saved
            if all(item.state in (State.SUCCEEDED, State.FAILED) for item in world.items(services)):
                return


def spoil_all(tmp_path, asked: str, cases: list[Case], *, done: bool):
    """A run with an item on an account of its own for each case; return it, and which ended as no card deserves."""
    outcome = "stolen_card" if asked == CANCEL else "succeeds"
    world = World.make(tmp_path, items=len(cases), accounts=len(cases), mix={outcome: 1})
    spread = zip(world.scenario.rows, world.scenario.accounts, strict=True)
    world.file.write_text(as_csv(replace(row, account=account) for row, account in spread))
    wire = Spoiling(world, asked, cases, done=done)
    run_virtually(until_nothing_is_open, world, wire)
    known = {item.account: item for item in run_virtually(world.item)}
    deserved = State.FAILED if asked == CANCEL else State.SUCCEEDED
    wrong = {case.name: str(known[account].state) for account, case in zip(world.scenario.accounts, cases, strict=True)
             if known[account].state is not deserved}  # fmt: skip
    assert wire.spoiled == len(cases), "every case was met"
    run_virtually(world.assert_true)
    return world, wrong


@pytest.mark.parametrize("done", [True, False], ids=["carried out", "not carried out"])
@pytest.mark.parametrize("asked", [OPEN, CLONE, CONFIRM, CANCEL])
def test_no_malformed_reply_changes_how_an_item_ends(tmp_path, asked, done, record_property):
    cases = CASES[asked]
    _, wrong = spoil_all(tmp_path, asked, cases, done=done)
    assert wrong == {}
    record_property("evidence", f"malformed replies in whole runs: {len(cases)}, 0 items that ended wrong")


def test_no_malformed_read_changes_how_an_item_ends(tmp_path):
    _, wrong = spoil_all(tmp_path, READ, CASES[READ], done=True)
    assert wrong == {}


def test_no_malformed_list_is_taken_for_an_empty_one(tmp_path):
    world, wrong = spoil_all(tmp_path, LIST, LISTS, done=True)
    assert wrong == {}
    opened = Counter(row.account for row in world.sandbox.books().intents)
    again = [case.name for account, case in zip(world.scenario.accounts, LISTS, strict=True) if opened[account] > 1]
    # Whoever believes such a list finds nothing and opens a second intent: never charged, but never needed.
    assert again == []
