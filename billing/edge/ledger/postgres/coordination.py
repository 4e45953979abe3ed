"""The tables by which workers know of one another: outside every chain, never evidence, and no loss when lost."""

from collections.abc import Mapping

TABLES: Mapping[str, tuple[str, ...]] = {
    # Who is at work. `seen` is of the database's clock; `backends` are the processes of the server that serve it.
    "workers": (
        "worker text", "host text", "pid bigint", "purpose text", "platform text", "since timestamp with time zone",
        "seen timestamp with time zone", "backends integer[]",
    ),
    # The word to every worker of a run: pause or stop, why, by whom, and the exit code that it ends with.
    "run_controls": (
        "run_id text", "word text", "reason text", "by text", "exit_code integer NULL", "at timestamp with time zone",
    ),
    # What all workers have learned of a limit of the provider.
    "limits": ("name text", "state jsonb", "at timestamp with time zone"),
}  # fmt: skip
# Of each table: its columns as ``name type [DEFAULT value] [NULL]``.

CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "workers_pkey": ("workers", "PRIMARY KEY (worker)"),
    "run_controls_pkey": ("run_controls", "PRIMARY KEY (run_id)"),
    "limits_pkey": ("limits", "PRIMARY KEY (name)"),
}
# Name -> its table, and the constraint as the database words it.
