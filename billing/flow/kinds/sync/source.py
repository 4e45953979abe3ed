"""The lines of a sync, as a plan takes them: nobody wrote them, so their file is the ledger they come from."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

from billing.core.errors import Problem
from billing.core.items import Does, InputLine, Kind, Run, Sync
from billing.core.keys import length_prefixed
from billing.core.policies import Policies
from billing.flow.kinds.sync.examine import Verdict
from billing.flow.kinds.sync.links import Link, Past
from billing.flow.services import Services

NAME = "sync"
COLUMNS = ("reference", "account", "customer", "change")
SAYS: Mapping[Does, str] = {
    Does.CLONE: "payment method",
    Does.FIELDS: "name, e-mail or address",
    Does.BOTH: "payment method; name, e-mail or address",
}


@dataclass(frozen=True, slots=True)
class Generated:
    """Lines that the program has found, in the place of a run file."""

    run: Run
    items: tuple[Sync, ...]
    warnings: Sequence[Problem] = ()
    warnings_total: int = 0
    totals: Mapping[str, int] = field(default_factory=dict)

    @property
    def file(self) -> str:
        """Where they come from."""
        return f"ledger:{self.run.run_id}"

    @property
    def items_file(self) -> str:
        """The same."""
        return self.file

    @property
    def sheet(self) -> str:
        """None."""
        return ""

    @property
    def sha256(self) -> str:
        """Hex over the lines."""
        cells = (cell for line in self.lines() for cell in (str(line.line), *line.cells))
        return sha256(length_prefixed(cells)).hexdigest()

    def lines(self) -> Iterator[InputLine]:
        """Yield the lines, by account and customer."""
        for number, item in enumerate(self.items, 1):
            cells = (item.reference, item.account, item.payer, item.trouble or SAYS[item.does])
            yield InputLine(number, cells, item)


def generated(
    services: Services, found: Mapping[Link, Verdict], past: Past, timezone: str, policies: Policies
) -> Generated:
    """Return the lines of what was found out of step, as a run of today."""
    today = services.clock.now().astimezone(ZoneInfo(timezone))
    run = Run(
        NAME, _period(today), _free(services, today), timezone, services.mode, COLUMNS, None, policies, "", Kind.SYNC
    )
    ordered = sorted(found.items(), key=lambda pair: (pair[0].account, pair[0].payer))
    return Generated(run, tuple(_item(link, verdict, past) for link, verdict in ordered if verdict.drifted))


def _item(link: Link, verdict: Verdict, past: Past) -> Sync:
    payer = verdict.payer
    number = past.counts.get(link.name, 0) + 1
    return Sync(
        reference=f"{link.name}:{number}",
        account=link.account,
        payer=link.payer,
        customer=link.customer,
        method="" if payer is None else payer.method,
        change="" if payer is None else payer.change,
        does=verdict.does or Does.CLONE,
        trouble=verdict.trouble,
    )


def _period(today: datetime) -> str:
    return today.date().isoformat()


def _free(services: Services, today: datetime) -> str:
    """Return a run id that is not taken: sync-2026-11-29, then sync.2-2026-11-29."""
    number, wanted = 1, f"{NAME}-{_period(today)}"
    while services.ledger.run(wanted) is not None:
        number += 1
        wanted = f"{NAME}.{number}-{_period(today)}"
    return wanted


def counted(found: Mapping[Link, Verdict]) -> Counter[str]:
    """Count what the drifted links need: by what is not in step, or by why it cannot be."""
    return Counter(verdict.trouble or str(verdict.does) for verdict in found.values() if verdict.drifted)
