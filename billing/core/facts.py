"""The facts of entries, as a table: name, type, with which entries one is written, what turns on it.

A fact that is not in a table is written by nobody. Every kind of item brings a table of its own (`core.kinds.facts`),
which takes up the rows that all kinds share; what is kept of a run stands here. None in the place of a value removes a
fact, whatever its type. Nothing looks at these tables while a run goes on: tests hold every writer and reader to them.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from billing.core.calls import Op
from billing.core.entries import Note


class Form(StrEnum):
    """What a fact's value is in JSON."""

    TEXT = "text"
    WHOLE = "whole number"
    YES = "true, or not there"
    MOMENT = "time in UTC, ISO 8601, or empty"
    TEXTS = "list of texts"
    PAIR = "text and whole number"
    WHOLES = "list of whole numbers"


class Use(StrEnum):
    """Who reads a fact by its name."""

    WAY = "the way of an item"
    REPORT = "reports"
    RECORD = "whoever reads the ledger"


class Fact(NamedTuple):
    """One row.

    Attributes:
        name: as it stands on record, for ever. ``{op}_n`` is one for each request that changes anything.
        form: its type.
        use: who reads it; what a run decides by is the way of an item, whoever tells of it besides.
        by: the events and notes whose entries carry it with a value.
        turns: what turns on it, or what it is for.
    """

    name: str
    form: Form
    use: Use
    by: tuple[StrEnum, ...]
    turns: str


_EVERY_KIND: Mapping[str, tuple[Form, Use, str]] = {
    "group": (Form.TEXT, Use.WAY, "how an item is counted, if not by its state; whether it waits for a customer"),
    "reason_code": (Form.TEXT, Use.WAY, "the guard against one error again and again; whether a wait was told"),
    "reason": (Form.TEXT, Use.REPORT, "the sentence of the reason code"),
    "what_to_do": (Form.TEXT, Use.REPORT, "what a person may do about it"),
    "request_id": (Form.TEXT, Use.REPORT, "Stripe's name of the request that told it"),
    "first_try": (Form.MOMENT, Use.WAY, "when the decisive request left first; it is written once"),
    "last_try": (Form.MOMENT, Use.REPORT, "when it left last"),
    "next_try": (Form.MOMENT, Use.REPORT, "when the next attempt is due; gone when there is none"),
    "op": (Form.TEXT, Use.RECORD, "whose key was renewed"),
    "{op}_n": (Form.WHOLE, Use.WAY, "the number of the key that its next request carries"),
    "{op}_born": (Form.WHOLE, Use.WAY, "epoch seconds of that key's first send: whether Stripe may have forgotten it"),
    "stripe_fee": (Form.WHOLE, Use.REPORT, "what Stripe kept of it, minor units of the settlement currency"),
    "net": (Form.WHOLE, Use.REPORT, "what the account has of it, minor units of the settlement currency"),
    "payout": (Form.TEXT, Use.REPORT, "the payout that carries it to a bank"),
    "settlement_currency": (Form.TEXT, Use.REPORT, "of these amounts"),
    "rebuilt": (Form.YES, Use.RECORD, "the entry was told again from what Stripe shows"),
}  # fmt: skip


def shared(name: str, *by: StrEnum) -> Fact:
    """Return a row that every kind has, for a kind whose entries of these names carry it."""
    form, use, turns = _EVERY_KIND[name]
    return Fact(name, form, use, by, turns)


def named(rows: Iterable[Fact], ops: Iterable[Op]) -> Mapping[str, Fact]:
    """Return the rows by the names that stand on record: one for each request where a row is for all of them."""
    each = [str(op) for op in ops if op.keyed]
    return {row.name.format(op=op): row for row in rows for op in (each if "{op}" in row.name else [""])}


_OVER = (Note.RUN_FINISHED, Note.RUN_STOPPED)
_COMPARED = (Note.RECONCILED,)
_STANDS = (Note.RUN_STARTED, *_OVER, Note.ACKNOWLEDGED, Note.REBUILD_STARTED, Note.REBUILD_FINISHED)
_PLAN = (Note.RUN_PLANNED,)
_ACK = (Note.ACKNOWLEDGED,)
_FOUND = (Note.REBUILD_FINISHED,)
_UPGRADE = (Note.LEDGER_UPGRADED,)
_MOVE = (Note.LEDGER_MOVED, Note.LEDGER_ARRIVED)
RUN_FACTS: tuple[Fact, ...] = (
    Fact("status", Form.TEXT, Use.WAY, _STANDS, "whether it may start"),
    Fact("same_error", Form.PAIR, Use.WAY, (Note.RUN_STOPPED,), "the guard: it counts on where the run stopped"),
    Fact("exit_code", Form.WHOLE, Use.RECORD, (*_OVER, *_COMPARED), "how the command ended"),
    Fact("reason", Form.TEXT, Use.RECORD, (*_OVER, *_ACK), "why it stopped; why somebody accepts a variance"),
    Fact("by", Form.TEXT, Use.RECORD, (Note.RUN_STARTED, *_ACK), "user and host that started it, or accepted"),
    Fact("pid", Form.WHOLE, Use.RECORD, (Note.RUN_STARTED,), "the process that started it"),
    Fact("round", Form.WHOLE, Use.RECORD, (Note.RUN_STARTED,), "of a run over workers: what its shards are named by"),
    Fact("shards", Form.WHOLE, Use.RECORD, (Note.RUN_STARTED,), "into how many it was cut then"),
    Fact("took_ms", Form.WHOLE, Use.RECORD, _OVER, "milliseconds from its first request to its end"),
    Fact("sent", Form.WHOLE, Use.RECORD, _OVER, "requests, those sent again among them"),
    Fact("rate_limited", Form.WHOLE, Use.RECORD, _OVER, "those that a limiter turned away"),
    Fact("resent", Form.WHOLE, Use.RECORD, _OVER, "those whose key had been sent before"),
    Fact("allowed_milli", Form.WHOLE, Use.RECORD, _OVER, "thousandths of a request a second that its limits allowed"),
    Fact("span_ms", Form.WHOLE, Use.RECORD, _OVER, "milliseconds that each of the next two tell of"),
    Fact("sent_each", Form.WHOLES, Use.RECORD, _OVER, "requests in one such span after the other, at most 120"),
    Fact("limited_each", Form.WHOLES, Use.RECORD, _OVER, "the same of those turned away; empty where none was"),
    Fact("variance", Form.TEXT, Use.RECORD, _ACK, "which variance was accepted"),
    Fact("seen", Form.TEXT, Use.RECORD, _ACK, "a hash of exactly what was accepted"),
    Fact("count", Form.WHOLE, Use.RECORD, _ACK, "how many lines, accounts or currencies it counted"),
    Fact("of", Form.WHOLE, Use.RECORD, _ACK, "of how many"),
    Fact("says", Form.TEXT, Use.RECORD, _ACK, "the sentence that was read"),
    Fact("run_id", Form.TEXT, Use.RECORD, _PLAN, "what was planned; verifying compares it with the run"),
    Fact("platform", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("name", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("period", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("mode", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("kind", Form.TEXT, Use.RECORD, (*_PLAN, Note.KIND_ADDED), "the same; a kind that the ledger knows now"),
    Fact("revision", Form.WHOLE, Use.RECORD, _PLAN, "the same"),
    Fact("plan_digest", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("file_sha256", Form.TEXT, Use.RECORD, _PLAN, "the same"),
    Fact("header", Form.TEXT, Use.RECORD, _PLAN, "the hash of the header"),
    Fact("lines", Form.TEXT, Use.RECORD, _PLAN, "the hash over all lines"),
    Fact("line_count", Form.WHOLE, Use.RECORD, _PLAN, "how many"),
    Fact("digest", Form.TEXT, Use.RECORD, (Note.ITEM_PLANNED,), "of what the line asks for"),
    Fact("line", Form.WHOLE, Use.RECORD, (Note.ITEM_PLANNED,), "where it stood"),
    Fact("frozen", Form.TEXT, Use.RECORD, (Note.ITEM_PLANNED,), "the hash of what a plan fixes of an item"),
    Fact("intents", Form.WHOLE, Use.RECORD, _FOUND, "intents that Stripe showed"),
    Fact("unopened", Form.WHOLE, Use.RECORD, _FOUND, "items without one"),
    Fact("strays", Form.WHOLE, Use.RECORD, _FOUND, "intents that no line accounts for"),
    Fact("paid_twice", Form.TEXTS, Use.RECORD, _FOUND, "those among them that were paid"),
    Fact("since", Form.MOMENT, Use.RECORD, _FOUND, "how far back was looked"),
    Fact("scope", Form.TEXT, Use.RECORD, _COMPARED, "the run or the period that was compared with Stripe"),
    Fact("as_of", Form.MOMENT, Use.RECORD, _COMPARED, "when"),
    Fact("items", Form.WHOLE, Use.RECORD, _COMPARED, "how many lines were compared"),
    Fact("matched", Form.WHOLE, Use.RECORD, _COMPARED, "how many of them agree"),
    Fact("discrepancies", Form.WHOLE, Use.RECORD, _COMPARED, "how many were found"),
    Fact("totals", Form.TEXTS, Use.RECORD, _COMPARED, "the sums of each currency"),
    Fact("from", Form.WHOLE, Use.WAY, _UPGRADE, "how entries before it are chained"),
    Fact("to", Form.WHOLE, Use.WAY, _UPGRADE, "how entries from it on are chained"),
    Fact("head_before", Form.TEXT, Use.RECORD, _UPGRADE, "the head of the ledger that was carried over"),
    Fact("place", Form.TEXT, Use.RECORD, _MOVE, "where the ledger was copied to; where it came from"),
    Fact("chains", Form.TEXTS, Use.RECORD, _MOVE, "its chains: number, last entry, mac and worker of each"),
)  # fmt: skip
"""Of entries that belong to a run or to the ledger itself, and of the entry with which an item begins."""
