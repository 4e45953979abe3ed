"""What a person should look at before saying yes: data, so that a page and a machine can show it, too."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth a look that stops nothing.

    Attributes:
        code: stable machine name, such as ``same_charge``.
        text: a sentence.
        reference: of the line it is about; empty when it is about several, or about the file.
        line: 1-based line of the file, or 0.
    """

    code: str
    text: str
    reference: str = ""
    line: int = 0

    def __str__(self) -> str:
        """Write the sentence, and the line where there is one."""
        return f"{self.text} (line {self.line:,})" if self.line else self.text
