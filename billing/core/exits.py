"""What the exit code tells a scheduler. Each error raised on purpose names its code from this table."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command; schedulers rely on them."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    INVALID = 3
    DECLINES = 4
    UNFINISHED = 5
    STOPPED = 6
    HELD = 7
    CREDENTIALS = 8
    APPROVAL = 9
    UNREACHABLE = 10
    INTERRUPTED = 130
    TERMINATED = 143


MEANINGS: dict[Exit, tuple[str, str]] = {
    Exit.OK: ("everything is done, or nothing is owed; or there was nothing to do", "be done"),
    Exit.INTERNAL: ("unexpected internal error; state saved", "retry: it continues"),
    Exit.USAGE: ("wrong usage, or key, mode and file disagree; nothing sent", "fail"),
    Exit.INVALID: ("input or policy invalid; nothing sent", "fail, tell finance"),
    Exit.DECLINES: (
        "finished; some items declined or need a person (with `--declines-ok` declines count as good)",
        "notify",
    ),
    Exit.UNFINISHED: (
        "finished; some items unknown, parked, still processing, or not sent yet",
        "run `resolve` or `settle` later; the run again for what was not sent",
    ),
    Exit.STOPPED: (
        "stopped by a guard, the operator, or storage that cannot be trusted; state saved",
        "a person looks",
    ),
    Exit.HELD: ("another runner holds this ledger", "not retry"),
    Exit.CREDENTIALS: ("credentials or permissions", "fail"),
    Exit.APPROVAL: ("approval missing, stale, or for another plan", "fail"),
    Exit.UNREACHABLE: ("provider unreachable or limits exhausted; state saved", "retry: it continues"),
    Exit.INTERRUPTED: ("interrupted by SIGINT, after a clean checkpoint", "retry: it continues"),
    Exit.TERMINATED: ("interrupted by SIGTERM, after a clean checkpoint", "retry: it continues"),
}
