"""What is asked for: one value, made once by a command, a job or a program, and read by plan, run and pace."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from billing.core.errors import UsageError
from billing.core.items import Mode
from billing.edge.ledger.custody.known_ledgers import Making
from billing.edge.logs import visible
from billing.edge.runfiles import AS_IT_STANDS, STDIN, ReadOptions
from billing.edge.settings.load import Settings
from billing.flow.open_services import ServiceOptions
from billing.flow.options import RunOptions, Selection
from billing.flow.planning.accepting import acks_asked
from billing.flow.planning.plan import PlanOptions
from billing.flow.planning.preflight import Preflight
from billing.flow.planning.saved import SavedPlan, load_plan

PREFLIGHTS = {"accounts": Preflight.ACCOUNTS, "all": Preflight.ALL}
TAKEN_ALONG = frozenset({"--late", "--allow-empty"})
# What may be said beside a saved plan: it decides whether the file is taken, and changes nothing that was decided.


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Which run, and how it is carried out.

    Attributes:
        run: which items, how many, until when.
        amend: whether a run that has begun may be changed.
        saved: the plan it must come to, or None; what it was asked for then holds now.
        declines_ok: declines alone give exit code 0.
        preflight: what is looked up on Stripe first.
        file: the run file, or ``-`` for standard input.
        read: how it is read.
        live: real money may move; needed in live mode.
        rate: requests a second instead of the documented limits.
        concurrency: items at once instead of the setting.
        wait: seconds to wait for another runner to let go of the ledger; None refuses at once.
        making: whether a ledger may be made where there is none.
        acks: what somebody accepts of how the run differs from the ones before it, name to reason.
        answers_with: one of Stripe's test payment methods with which payers are answered for; test mode only.
    """

    run: RunOptions = RunOptions()  # noqa: RUF009  frozen
    amend: bool = False
    saved: SavedPlan | None = None
    declines_ok: bool = False
    preflight: Preflight = Preflight.ALL
    file: Path = STDIN
    read: ReadOptions = AS_IT_STANDS
    live: bool = False
    rate: float | None = None
    concurrency: int | None = None
    wait: float | None = None
    making: Making = Making.FIRST
    acks: Mapping[str, str] = field(default_factory=dict)
    answers_with: str = ""

    @classmethod
    def of(
        cls,
        file: str | Path,
        *,
        run_id: str | None = None,
        sheet: str | None = None,
        only: Sequence[str] = (),
        exclude: Sequence[str] = (),
        limit: int | None = None,
        max_failures: int | None = None,
        deadline: float | None = None,
        live: bool = False,
        wait: float | None = None,
        late: bool = False,
        allow_empty: bool = False,
        declines_ok: bool = False,
        amend: bool = False,
        new_ledger: bool = False,
        ack: Sequence[str] = (),
        reason: Sequence[str] = (),
    ) -> "RunRequest":
        """Return the request of a program or a schedule; each name means what the option of `billing run` means.

        Args:
            file: the run file: ``.csv``, ``.xlsx``, ``.yaml`` or ``.json``.
            run_id: of a CSV or a workbook: name, then period (``coaching-2026-11``).
            sheet: of a workbook: the name of its sheet; None for the first that is not hidden.
            only: references (with ``*``), accounts or customers; nothing but these.
            exclude: nothing of these.
            limit: start at most so many items.
            max_failures: stop after more than so many unpaid items.
            deadline: seconds after which nothing new is started.
            live: real money may move.
            wait: seconds to wait for another runner to let go of the ledger.
            late: take a run file of another month.
            allow_empty: take a file with nothing to charge.
            declines_ok: declines alone give exit code 0.
            amend: change a run that has begun.
            new_ledger: make a ledger although the same key keeps others.
            ack: what is accepted of how the run differs from the ones before it, by name.
            reason: why, for the record: one for all of ``ack``, or one for each.
        """
        return cls(
            RunOptions(Selection(tuple(only), tuple(exclude)), limit, max_failures, deadline),
            amend=amend,
            declines_ok=declines_ok,
            file=Path(file),
            read=ReadOptions(run_id, late=late, allow_empty=allow_empty, sheet=sheet),
            live=live,
            wait=wait,
            making=Making.NEW if new_ledger else Making.FIRST,
            acks=acks_asked(ack, reason),
        )

    def under(self, settings: Settings) -> "RunRequest":
        """Return the same request with what the settings say of the engine."""
        return replace(self, run=replace(self.run, per_account=settings.per_account_concurrency))

    def plan_options(self) -> PlanOptions:
        """Return what the plan is asked for: what the saved one was, or what is asked for here."""
        if self.saved is not None:
            return self.saved.options(self.acks)
        return PlanOptions(self.preflight, self.amend, None, self.run.selection, self.run.limit, acks=self.acks)

    def services(self, mode: Mode, purpose: str) -> ServiceOptions:
        """Return how the services are opened for a run of this mode.

        Raises:
            UsageError: a person's answer is to be made up in live mode.
        """
        if self.answers_with and mode is Mode.LIVE:
            raise UsageError("--confirm-with answers for payers, and is for test mode; nothing was sent")
        return ServiceOptions(
            mode,
            purpose,
            live=self.live,
            wait=self.wait,
            making=self.making,
            rate=self.rate,
            concurrency=self.concurrency,
            answers_with=self.answers_with,
        )


def preflight_named(text: str) -> Preflight:
    """Return what is looked up first, by the word for it.

    Raises:
        UsageError: there is no such preflight.
    """
    if text not in PREFLIGHTS:
        raise UsageError(f"--preflight {visible(text)} is none of {', '.join(PREFLIGHTS)}")
    return PREFLIGHTS[text]


def as_planned(request: RunRequest) -> RunRequest:
    """Return the request itself, or where its file is a saved plan, what that plan was made of.

    Raises:
        UsageError: the request names what the plan already fixes.
    """
    if not _is_plan(request.file):
        return request
    _require_nothing_fixed(request)
    saved = load_plan(request.file)
    read = saved.read
    late, empty = read.late or request.read.late, read.allow_empty or request.read.allow_empty
    return replace(
        request,
        saved=saved,
        # Its own file, named from the plan's folder, read in the way it was read then.
        file=Path(os.path.relpath(request.file.parent / saved.file)),
        read=replace(read, late=late, allow_empty=empty),
        amend=saved.amend,
        preflight=saved.preflight,
        run=replace(request.run, selection=saved.selection, limit=saved.limit),
    )


def _is_plan(file: Path) -> bool:
    if file.suffix.lower() != ".json":
        return False
    try:
        return "plan_digest" in json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def _require_nothing_fixed(request: RunRequest) -> None:
    """Refuse what a saved plan fixes.

    Raises:
        UsageError: some of it was asked for; all of that.
    """
    chosen = {
        "--amend": request.amend,
        "--only": request.run.selection.only,
        "--exclude": request.run.selection.exclude,
        "--limit": request.run.limit,
    }
    fixed = [flag for flag in request.read.given if flag not in TAKEN_ALONG]
    fixed += [flag for flag, value in chosen.items() if value]
    if fixed:
        raise UsageError(f"{request.file}: the plan fixes {', '.join(fixed)}; leave out what it fixes")
