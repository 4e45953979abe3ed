"""How a run file is to be read: what a person types beside its name, and what a saved plan remembers of it."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What was asked for when the file was read; the same again reads the same.

    Attributes:
        run_id: of a CSV: name, then period. A YAML file names its own, which must agree.
        delimiter: between the fields of a CSV: one character, or tab, semicolon, comma, pipe. None looks at the header.
        decimal: ``point`` or ``comma`` in the amounts of a CSV. None means a point, or what the YAML says.
        ignore: columns of the sheet that mean nothing to a run; their cells come back in the report.
        skip_invalid: set bad lines aside instead of refusing the file.
        late: take a file of another month.
        allow_empty: take a file without anything to charge.
    """

    run_id: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    ignore: tuple[str, ...] = ()
    skip_invalid: bool = False
    late: bool = False
    allow_empty: bool = False

    @property
    def as_arguments(self) -> dict[str, Any]:
        """The same as keyword arguments of `open_run`."""
        return asdict(self)

    @property
    def given(self) -> tuple[str, ...]:
        """The flags that were typed, by name, such as ``--run``."""
        return tuple(dict.fromkeys(word for word in self._words() if word.startswith("--")))

    @property
    def typed(self) -> str:
        """The same options as they are typed, ready for a shell: `` --run coaching-2026-11 --late``, or nothing."""
        return "".join(f" {shlex.quote(word)}" for word in self._words())

    def _words(self) -> Iterator[str]:
        valued = [("--run", self.run_id), ("--delimiter", self.delimiter), ("--decimal", self.decimal)]
        for flag, value in [*valued, *(("--ignore", column) for column in self.ignore)]:
            if value:
                yield from (flag, _WORDS.get(value, value))
        switches = {"--skip-invalid": self.skip_invalid, "--late": self.late, "--allow-empty": self.allow_empty}
        yield from (flag for flag, on in switches.items() if on)


AS_IT_STANDS = ReadOptions()
"""Nothing was asked for."""

_WORDS = {"\t": "tab"}
# A tab on a command line is neither seen nor kept by whoever copies it.
