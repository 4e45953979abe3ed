"""Run files: YAML or CSV in, a run with its items out, or all the problems at once with file:line:column."""

from billing.edge.runfiles.opening import RunDefaults, open_run
from billing.edge.runfiles.reading import RunFile

__all__ = ["RunDefaults", "RunFile", "open_run"]
