"""The kinds of run files, by the word a file says: ``kind: charges``. This registry alone knows them all."""

from billing.edge.runfiles.schema import Schema
from billing.edge.runfiles.schemas.charge import CHARGES

SCHEMAS: tuple[Schema, ...] = (CHARGES,)
"""The first is meant where a file says nothing."""
