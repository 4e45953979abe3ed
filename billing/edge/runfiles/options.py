"""How a run file is to be read: what a person types beside its name, what a plan remembers of it, what settings say."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from billing.core.items import Mode
from billing.core.policies import Policies
from billing.edge.runfiles.schema import Defaults


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What was asked for when the file was read; the same again reads the same.

    Attributes:
        run_id: of a CSV or a workbook: name, then period. A YAML file names its own, which must agree.
        delimiter: between the fields of a CSV: one character, or tab, semicolon, comma, pipe. None looks at the header.
        decimal: ``point`` or ``comma`` in the amounts of a CSV. None means a point, or what the YAML says.
        ignore: columns of the sheet that mean nothing to a run; their cells come back in the report.
        skip_invalid: set bad lines aside instead of refusing the file.
        sheet: of a workbook: the name of the sheet. None means the first that can be seen, or what the YAML says.
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
    sheet: str | None = None

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
        valued = [("--run", self.run_id), ("--sheet", self.sheet)]
        valued += [("--delimiter", self.delimiter), ("--decimal", self.decimal)]
        for flag, value in [*valued, *(("--ignore", column) for column in self.ignore)]:
            if value:
                yield from (flag, _WORDS.get(value, value))
        switches = {"--skip-invalid": self.skip_invalid, "--late": self.late, "--allow-empty": self.allow_empty}
        yield from (flag for flag, on in switches.items() if on)


AS_IT_STANDS = ReadOptions()
"""Nothing was asked for."""

_WORDS = {"\t": "tab"}
# A tab on a command line is neither seen nor kept by whoever copies it.


@dataclass(frozen=True, slots=True)
class RunDefaults:
    """What the settings say where the run file is silent.

    Attributes:
        mode: test unless the settings say otherwise.
        timezone: IANA name.
        application_fee_percent: the fee of items that name none, such as ``Decimal("2.5")``; None for no fee.
        statement_suffix: for items without one.
        description: for items without one.
        policies: limits, pacing, guards; a YAML file replaces single values of it.
        allow_empty: whether a file with nothing to charge is taken.
        spool_folder: where the temporary file goes; None for the system's choice.
    """

    mode: Mode = Mode.TEST
    timezone: str = "UTC"
    application_fee_percent: Decimal | None = None
    statement_suffix: str | None = None
    description: str | None = None
    policies: Policies = field(default_factory=Policies)
    allow_empty: bool = False
    spool_folder: Path | None = None

    @property
    def items(self) -> Defaults:
        """The part that concerns single items."""
        named = ("application_fee_percent", "statement_suffix", "description")
        return {name: value for name in named if (value := getattr(self, name)) is not None}
