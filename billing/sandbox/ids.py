"""Ids that look like the provider's, drawn from a seed so that a rehearsal can be repeated to the letter."""

import random
import string

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
PAIRS = [first + second for second in ALPHABET for first in ALPHABET]
BODY_BITS = 132  # 22 characters of base 62 hold 130 bits; two more keep the last one even


class Ids:
    """A seeded source of ids. The same seed and the same calls give the same ids."""

    def __init__(self, seed: int | str) -> None:
        """Start the sequence of this seed."""
        self._bits = random.Random(f"ids-{seed}").getrandbits  # noqa: S311  repeatable by design, guards nothing

    def new(self, prefix: str, length: int = 22) -> str:
        """``prefix`` followed by ``length`` letters and digits."""
        number = self._bits(BODY_BITS)
        pairs = []
        for _ in range((length + 1) // 2):
            number, rest = divmod(number, len(PAIRS))
            pairs.append(PAIRS[rest])
        return prefix + "".join(pairs)[:length]
