"""What fills the gaps of the words of an entry: amounts, days and reasons, from what the entry and its item say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from billing.core import declines, returns, wording
from billing.core.entries import Facts, ItemRecord
from billing.core.report_columns import SETTLEMENT
from billing.core.stories.notes import LOST, UNTOLD

ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
SUFFIXES = {1: "st", 2: "nd", 3: "rd"}
LEAST_WAIT = 2.0
# Seconds without an answer that are worth a word.


@dataclass(frozen=True, slots=True)
class Scene:
    """An entry with what was so around it.

    Attributes:
        item: whose entry it is, as far as its plan goes.
        zone: whose clocks days are told on.
        at: of the entry.
        attempt: the number of the try after it.
        facts: of the entry, without those that it removes.
        known: of the item after it.
    """

    item: ItemRecord
    zone: ZoneInfo
    at: str
    attempt: int
    facts: Facts
    known: Facts


def gaps_of(scene: Scene) -> Mapping[str, str]:
    """Return everything that can be filled in."""
    return {name: text for name, text in every_gap(scene).items() if text is not None}


def every_gap(scene: Scene) -> Mapping[str, str | None]:
    """Return all gaps and marks that there are, with None for those of which nothing is known."""
    return {**_asked(scene), **_money(scene), **_days(scene), **_reasons(scene), **_marks(scene)}


def ordinal(number: int) -> str:
    """Return which one, in words: ``first``, ``second`` and so on, from the eleventh on ``11th``."""
    if 0 < number < len(ORDINALS):
        return ORDINALS[number]
    teens = 10 <= number % 100 < 20
    return f"{number}{'th' if teens else SUFFIXES.get(number % 10, 'th')}"


def reason_of(facts: Facts) -> str | None:
    """Return why something came to nothing, in a few words, or None where nothing says so.

    A decline is told by what happened (the table of declines), not by what would help, which is its reason on record.
    """
    code, reason = str(facts.get("reason_code") or ""), str(facts.get("reason") or "").rstrip(". ")
    if facts.get("dispute") and code in returns.REASONS:
        return returns.REASONS[code].note
    if "remedy" in facts and (rule := _decline(code)) is not None:
        return rule.note
    return reason or code.replace("_", " ") or None


def _decline(code: str) -> declines.Rule | None:
    tables = (declines.CODES, declines.REASONS, returns.REASONS)
    return next((table[code] for table in tables if code in table), None)


def _asked(scene: Scene) -> dict[str, str | None]:
    item, facts = scene.item, scene.facts
    means = "card" if scene.known.get("brand") else "payment method"
    nth = ordinal(max(scene.attempt, 1))
    return {
        "price": wording.priced(item.amount, item.currency) if item.currency else None,
        "means": means,
        "Means": means.capitalize(),
        "nth": nth,
        "Nth": nth.capitalize(),
        "run": item.run_id,
        "anew": "Planned anew" if item.generation else None,
        "says": _text(facts, "says"),
        "method": _text(facts, "method"),
        "payout": _text(facts, "payout"),
        "status": _words(facts, "subscription_status"),
        "declined": reason_of({"reason_code": facts["declined"], "remedy": ""}) if facts.get("declined") else None,
        "invoices": ", ".join(map(str, facts["invoices_voided"])) if facts.get("invoices_voided") else None,
        "moved": _count(scene.known, "moved", "subscription"),
        "detached": _count(scene.known, "detached", "older copy", "older copies"),
    }


def _money(scene: Scene) -> dict[str, str | None]:
    own, settled = scene.item.currency, str(scene.known.get(SETTLEMENT) or scene.item.currency)
    return {
        "got": _priced(scene.facts, "amount_charged", own),
        "back": _priced(scene.facts, "amount_refunded", own),
        "fee_back": _priced(scene.facts, "application_fee_refunded", own, least=1),
        "return_fee": _priced(scene.facts, "return_fee", own, least=1),
        "stripe_fee": _priced(scene.facts, "stripe_fee", settled),
        "net": _priced(scene.facts, "net", settled),
    }


def _days(scene: Scene) -> dict[str, str | None]:
    facts, zone = scene.facts, scene.zone
    return {
        "next_day": _day(facts.get("next_try"), zone),
        "ends_day": _day(facts.get("ends_at"), zone),
        "period_day": _day(_moment(facts.get("current_period_end")), zone),
        "link_day": _day(_moment(facts.get("link_end")), zone),
    }


def _reasons(scene: Scene) -> dict[str, str | None]:
    facts = scene.facts
    title, says = LOST.get(str(facts.get("lost")), UNTOLD)
    reason = str(facts.get("reason") or "").rstrip(". ")
    return {
        "why": reason_of(facts) or ("no reason given" if facts.get("remedy") else None),
        "closed_why": reason_of(scene.known),
        "sentence": f"{reason[0].upper()}{reason[1:]}." if reason else None,
        "lost_title": title,
        "lost_says": says.format(waited=_waited(scene)),
    }


_MARKS = ("fence", "hosted", "paid", "loose")


def _marks(scene: Scene) -> dict[str, str | None]:
    facts, again = scene.facts, bool(scene.item.generation)
    told: dict[str, object] = {
        **{name: facts.get(name) for name in _MARKS},
        "dead": facts.get("dead_clone"),
        "cleared": scene.known.get("fee_cleared"),
        "first": scene.attempt <= 1,
        "later": scene.attempt > 1,
        "first_life": not again,
        "later_life": again,
    }
    return {name: "yes" if known else None for name, known in told.items()}


def _waited(scene: Scene) -> str:
    """Say for how long there was no answer, where that is on record and worth a word."""
    sent = wording.parsed(str(scene.known.get("last_try") or ""), scene.zone)
    now = wording.parsed(scene.at, scene.zone)
    seconds = (now - sent).total_seconds() if sent and now else 0.0
    return f" within {wording.duration(seconds)}" if seconds >= LEAST_WAIT else ""


def _priced(facts: Facts, name: str, currency: str, least: int | None = None) -> str | None:
    minor = facts.get(name)
    if type(minor) is not int or not currency or (least is not None and minor < least):
        return None
    return wording.priced(minor, currency)


def _moment(epoch: Any) -> str:  # noqa: ANN401  a fact is any JSON value
    return datetime.fromtimestamp(epoch, UTC).isoformat() if type(epoch) is int else ""


def _day(iso: Any, zone: ZoneInfo) -> str | None:  # noqa: ANN401
    found = wording.parsed(str(iso or ""), zone)
    return None if found is None else wording.day(str(iso), zone)


def _text(facts: Facts, name: str) -> str | None:
    return str(facts[name]) if facts.get(name) else None


def _words(facts: Facts, name: str) -> str | None:
    return str(facts[name]).replace("_", " ") if facts.get(name) else None


def _count(facts: Facts, name: str, noun: str, plural: str = "") -> str | None:
    number = facts.get(name)
    return wording.counted(number, noun, plural) if type(number) is int and number else None
