"""The tables by which workers know of one another: outside every chain, never evidence, and no loss when lost."""

from collections.abc import Mapping

TABLES: Mapping[str, tuple[str, ...]] = {
    # Who is at work. `seen` is of the database's clock; `backends` are the processes of the server that serve it.
    "workers": (
        "worker text", "host text", "pid bigint", "purpose text", "platform text", "since timestamp with time zone",
        "seen timestamp with time zone", "backends integer[]",
    ),
    # The last round of each run that was handed out to workers: JSON of how it is carried out, and of the word to all.
    "run_controls": (
        "run_id text", "revision integer", "number bigint", "shards integer", "asked text", "handed_out boolean",
        "closed boolean", "said text NULL", "at timestamp with time zone",
    ),
    # What was begun of a round: whose it is, whether it is worked still, and what was counted of it.
    "run_shards": (
        "run_id text", "number bigint", "shard integer", "worker text", "ended boolean", "unpaid bigint",
        "sent bigint", "rate_limited bigint", "resent bigint",
    ),
    # What all workers have learned of a limit of the provider.
    "limits": ("name text", "state jsonb", "at timestamp with time zone"),
}  # fmt: skip
# Of each table: its columns as ``name type [DEFAULT value] [NULL]``.

CONSTRAINTS: Mapping[str, tuple[str, str]] = {
    "workers_pkey": ("workers", "PRIMARY KEY (worker)"),
    "run_controls_pkey": ("run_controls", "PRIMARY KEY (run_id)"),
    "run_shards_pkey": ("run_shards", "PRIMARY KEY (run_id, number, shard)"),
    "limits_pkey": ("limits", "PRIMARY KEY (name)"),
}
# Name -> its table, and the constraint as the database words it.
