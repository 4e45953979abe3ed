"""Figures that tests record, summed up, printed, and held against what `tests/README.md` claims.

A test records a sentence with ``record_property("evidence", ...)``. Sentences that differ in their numbers alone are
one claim, and their numbers are added. ``python -m tests.evidence LOG`` reads the log of a test run and fails if the
page claims more than was printed there: a figure may only have grown, and a zero must be a zero.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

PREFIX = "evidence: "
MARK = "<!-- evidence -->"
_NUMBER = re.compile(r"\d+(?:,\d{3})*")
README = Path(__file__).parent / "README.md"


def _words(sentence: str) -> str:
    return _NUMBER.sub("#", sentence)


def _numbers(sentence: str) -> list[int]:
    return [int(number.replace(",", "")) for number in _NUMBER.findall(sentence)]


def _said(words: str, numbers: Iterable[int]) -> str:
    left = iter(numbers)
    return re.sub("#", lambda _: f"{next(left):,}", words)


def summed(sentences: Iterable[str]) -> list[str]:
    """Return one sentence for each claim, its numbers added up."""
    sums: dict[str, list[int]] = {}
    for sentence in sentences:
        numbers, words = _numbers(sentence), _words(sentence)
        sums[words] = [had + more for had, more in zip(sums.get(words, [0] * len(numbers)), numbers, strict=True)]
    return [_said(words, numbers) for words, numbers in sorted(sums.items())]


def claimed(text: str) -> list[str]:
    """Return the sentences of the table: the first cell of each row after the mark."""
    table = text.partition(MARK)[2].partition("<!-- end -->")[0]
    return [row.split("|")[1].strip() for row in table.splitlines() if row.startswith("| ")][1:]


def exaggerated(claims: Iterable[str], printed: Iterable[str]) -> list[str]:
    """Return each claim that the printed sentences do not bear out."""
    found = {_words(sentence): _numbers(sentence) for sentence in printed}
    return [claim for claim in claims if not _borne_out(_numbers(claim), found.get(_words(claim), []))]


def _borne_out(claim: list[int], printed: list[int]) -> bool:
    return len(claim) == len(printed) and all(
        said == got if said == 0 or got == 0 else said <= got for said, got in zip(claim, printed, strict=True)
    )


def main() -> int:
    """Hold the page against the log of a test run."""
    lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    printed = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    claims = claimed(README.read_text(encoding="utf-8"))
    wrong = exaggerated(claims, printed)
    for claim in wrong:
        sys.stderr.write(f"tests/README.md claims what this run did not show: {claim}\n")
    sys.stdout.write(f"{len(claims) - len(wrong)} of {len(claims)} claims are borne out\n")
    return 1 if wrong or not claims else 0


if __name__ == "__main__":
    sys.exit(main())
