"""What is asked of a copy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from billing.edge.ledger.custody.keyfile import heads_folder

Tell = Callable[[str, int], None]
# Is told how many rows of which table are there, or what is done otherwise; the last word of a table when it is done.


@dataclass(frozen=True, slots=True)
class Copying:
    """What is copied where.

    Attributes:
        source, target: URLs.
        key_file: the key of both.
        clock: provider time.
        wait: seconds to wait for a runner to let go of either.
        environ: where HOME and XDG_CONFIG_HOME are looked up.
        tell: is told how far it is.
    """

    source: str
    target: str
    key_file: Path
    clock: Callable[[], datetime]
    wait: float | None
    environ: Mapping[str, str]
    tell: Tell

    @property
    def heads(self) -> Path:
        """The folder of the witnesses."""
        return heads_folder(self.key_file)
