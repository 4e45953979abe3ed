"""What the page says, in which language: sentences by name, dates and amounts as each language writes them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from billing.core.errors import UsageError
from billing.core.money import Money, format_minor
from billing.edge.texts.forms import Forms, settings_in
from billing.edge.texts.problems import Collector
from billing.edge.texts.yaml_tree import plain

OWN = Path(__file__).with_name("texts.yaml")
FIRST = "en"
# The language of whoever names none that we have, and the one whose sentences say which names may be put in.
EVERYWHERE = frozenset({"business", "support"})
# What may be put into every sentence, also where our own has no use for it.
_PLACE = re.compile(r"\{([a-z]+)\}")
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,30})?\s*(?:;\s*q=([01](?:\.[0-9]{1,3})?))?\s*")
MOST_RANGES = 20
# Of an Accept-Language; browsers send five.

Texts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Language:
    """One language of the page.

    Attributes:
        code: as in ``html lang`` and Stripe's ``locale``.
        texts: sentence by name; a word in braces is put in.
    """

    code: str
    texts: Mapping[str, Any]

    def say(self, name: str, **values: str) -> str:
        """Return a sentence as plain text; whoever writes it into a page escapes it.

        Raises:
            KeyError: there is no such sentence, or it names something that was not given.
        """
        return _PLACE.sub(lambda found: values[found[1]], str(self.texts[name]))

    def date(self, day: date) -> str:
        """Return a day as a person of this language writes it."""
        return self.say("date", day=str(day.day), month=self.texts["months"][day.month - 1], year=str(day.year))

    def amount(self, money: Money) -> str:
        """Return an amount with the decimals of its currency."""
        whole, _, part = format_minor(money.minor, money.currency).partition(".")
        grouped = f"{int(whole):,}".replace(",", self.texts["group"])
        number = grouped + (self.texts["point"] + part if part else "")
        return self.say("amount", code=money.currency.upper(), number=number)


def load_languages(own_words: Path | None = None) -> dict[str, Language]:
    """Return the languages by code.

    Args:
        own_words: a file of the business's that replaces single sentences.

    Raises:
        UsageError: that file cannot be read, or replaces something that is not there.
        InvalidInput: it is no such file.
    """
    ours: Texts = _read(OWN)
    theirs: Texts = _read(own_words) if own_words else {}
    wrong = list(_wrong(ours, theirs))
    if wrong:
        raise UsageError(f"{own_words} (collect.texts_file): " + "; ".join(wrong))
    return {code: Language(code, {**texts, **theirs.get(code, {})}) for code, texts in ours.items()}


def _read(path: Path) -> dict[str, Any]:
    problems = Collector()
    try:
        tree = settings_in(path.read_text(encoding="utf-8-sig"), Forms(str(path), problems))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    problems.raise_if_any()
    found: dict[str, Any] = plain(tree)
    return found


def _wrong(ours: Texts, theirs: Mapping[str, Any]) -> Iterable[str]:
    """Yield what a business's own file has that the page has no place for."""
    for code, texts in theirs.items():
        if code not in ours or not isinstance(texts, dict):
            yield f'there is no language "{code}" (only {", ".join(ours)})'
            continue
        for name, text in texts.items():
            if name not in ours[code] or type(text) is not type(ours[code][name]):
                yield f'{code}: there is no text "{name}"'
            elif isinstance(text, list) and len(text) != len(ours[code][name]):
                yield f"{code}: {name} must have {len(ours[code][name])} entries"
            elif unknown := places(str(text)) - places(str(ours[FIRST][name])) - EVERYWHERE:
                yield f"{code}: {name} names {{{min(unknown)}}}, which is not known there"


def places(text: str) -> set[str]:
    """Return what is put into a sentence."""
    return set(_PLACE.findall(text))


def chosen(languages: Mapping[str, Language], *, asked: str, locale: str, accepted: str) -> Language:
    """Return the language of a page.

    Args:
        languages: those that there are.
        asked: by the payer on the page.
        locale: of the line, such as ``de`` or ``de-AT``.
        accepted: the browser's ``Accept-Language`` (RFC 9110, section 12.5.4).
    """
    for code in (asked, locale.replace("_", "-").partition("-")[0].lower(), *_by_liking(accepted)):
        if code in languages:
            return languages[code]
    return languages[FIRST]


def _by_liking(accepted: str) -> list[str]:
    """Return the languages of an ``Accept-Language``, the most liked first."""
    found = [_RANGE.fullmatch(part) for part in accepted[:1000].split(",")[:MOST_RANGES]]
    liked = [(float(each[2] or 1), each[1].lower()) for each in found if each]
    return [code for liking, code in sorted(liked, key=lambda pair: -pair[0]) if liking > 0]
