"""Batch billing for Stripe Connect platforms: one direct charge per item, exactly once, with a ledger to prove it.

What a program of one's own uses; nothing else is promised to stay as it is:

* `RunRequest`: which run, and how it is carried out; `RunRequest.of` makes one of a file and options.
* `open_run`: read the run file and the settings; every problem of them at once, as one `BillingError`.
* `open_services`: open the ledger and the connection for that run.
* `plan_run`: what would happen. `carry_out_run`: charge, or go on; returns a `RunResult`.
* `follow_run`: ask Stripe what became of what is open; nobody is charged.
* `reconcile_run`: hold a run or a period against Stripe; nothing is changed there.
* `sync_check`: which subscribed customers are not in step with the platform; nothing is changed.
* `BillingError`: what is raised; its ``exit_code`` is an `Exit`, and says what a scheduler should do.
* `run_job`, `job_parser`: the process around it, where a scheduler starts it.

`jobs/own_program.py` shows them at work. Importing this package loads none of them before it is used.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0.dev0"

if TYPE_CHECKING:
    from billing.api import (
        BillingError,
        Exit,
        RunRequest,
        RunResult,
        carry_out_run,
        follow_run,
        open_run,
        open_services,
        plan_run,
        reconcile_run,
        retry_run,
        sync_check,
    )
    from billing.unattended import job_parser, run_job

__all__ = [
    "BillingError",
    "Exit",
    "RunRequest",
    "RunResult",
    "carry_out_run",
    "follow_run",
    "job_parser",
    "open_run",
    "open_services",
    "plan_run",
    "reconcile_run",
    "retry_run",
    "run_job",
    "sync_check",
]
_UNATTENDED = frozenset({"job_parser", "run_job"})


def __getattr__(name: str) -> Any:  # noqa: ANN401  whatever has that name
    """Load a name when it is first used. (PEP 562)"""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = getattr(import_module("billing.unattended" if name in _UNATTENDED else "billing.api"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
