"""Run files: YAML or CSV in, a run with its items out, or all the problems at once with file:line:column."""

from billing.edge.runfiles.opening import open_run
from billing.edge.runfiles.options import AS_IT_STANDS, ReadOptions, RunDefaults
from billing.edge.runfiles.reading.sources import STDIN
from billing.edge.runfiles.run_file import RunFile

__all__ = ["AS_IT_STANDS", "STDIN", "ReadOptions", "RunDefaults", "RunFile", "open_run"]
