"""What must never be written anywhere: API keys, e-mail addresses and card numbers, taken out of any text."""

import re

_REPLACEMENTS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Stripe shows keys masked with stars in its own messages; those are taken out too.
    (re.compile(r"\b(sk|rk|pk|whsec|rkcs|ek)_(?:(test|live|org)_)?[A-Za-z0-9_*]{4,}"), r"[\1 key]"),
    (re.compile(r"\b(?:pi|seti|cs)_[A-Za-z0-9_]+_secret_[A-Za-z0-9]+"), "[client secret]"),
    (re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"), "[e-mail]"),
    # 13 to 19 digits, single blanks or dashes between them allowed: the lengths of card numbers (ISO/IEC 7812-1).
    (re.compile(r"(?<![A-Za-z0-9_])\d(?:[ -]?\d){12,18}(?![A-Za-z0-9_])"), "[number]"),
)


def scrub(text: str) -> str:
    """Return ``text`` with everything that looks like a key, a client secret, an e-mail or a card number replaced."""
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text
