"""What must never be written anywhere: API keys, e-mail addresses and card numbers, taken out of any text."""

import re
from collections.abc import Callable

_REPLACEMENTS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # Stripe shows keys masked with stars in its own messages; those are taken out too.
    (re.compile(r"\b(sk|rk|pk|whsec|rkcs|ek)_(?:(test|live|org)_)?[A-Za-z0-9_*]{4,}"), r"[\1 key]"),
    (re.compile(r"\b(?:pi|seti|cs)_[A-Za-z0-9_]{1,255}_secret_[A-Za-z0-9]+"), "[client secret]"),
    # The lengths are those of RFC 5321; without them a text that has no `@` takes time by the square of its length.
    # A role before the host of a database is none, and a command that names one must stay what can be typed.
    (
        re.compile(
            r"\b(postgres(?:ql)?://[A-Za-z0-9_-]{1,63}@)|"
            r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,9}"
        ),
        lambda found: found[1] or "[e-mail]",
    ),
    # 13 to 19 digits, single blanks or dashes between them allowed: the lengths of card numbers (ISO/IEC 7812-1).
    (re.compile(r"(?<![A-Za-z0-9_])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_])"), "[number]"),
)

LONGEST_QUOTED = 500
# Letters of another program's sentence that are worth showing to a person.


def quoted(text: str) -> str:
    """Return a sentence of somebody else's, short and with nothing in it that must not be written anywhere.

    It is cut before it is searched, because an answer may have megabytes; and at a blank, because half a key or half an
    address would not be known for one.
    """
    longest = 2 * LONGEST_QUOTED
    if len(text) > longest:
        text = text[:longest].rpartition(" ")[0]
    return scrub(text)[:LONGEST_QUOTED]


def scrub(text: str) -> str:
    """Return ``text`` with everything that looks like a key, a client secret, an e-mail or a card number replaced."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text
