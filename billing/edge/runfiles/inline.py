"""Items that stand in a YAML file: each mapping becomes a row, with the same rules as a line of a CSV."""

from collections.abc import Iterable

from billing.edge.runfiles.fields import METADATA, METADATA_KEYS, metadata_key, unknown_column
from billing.edge.runfiles.lines import LineCollector
from billing.edge.runfiles.rows import RowErrors, RowReader
from billing.edge.runfiles.schema import Defaults, Schema
from billing.edge.runfiles.which_kind import require_kind
from billing.edge.texts.forms import place_of
from billing.edge.texts.problems import Fault, FieldError, Unreadable
from billing.edge.texts.yaml_tree import Mapping, Node, Scalar, Sequence

MOST_ITEMS = 100_000
# A tree of more would not fit a small machine; a CSV of a million lines does. (edge/runfiles/README.md, "Bounds")

MOST_METADATA = 450
# Different metadata keys over all items: each is a column of every report.

_METADATA = METADATA.removesuffix(".")


def read_inline(
    nodes: Sequence,
    collector: LineCollector,
    schema: Schema,
    defaults: Defaults,
    schemas: Iterable[Schema] = (),
) -> None:
    """Read every item into the intake, whose columns become the keys in use in the order of the schema.

    Args:
        nodes: the items.
        collector: takes them.
        schema: the kind that the file is of.
        defaults: of its items.
        schemas: the kinds there are.

    Raises:
        Unreadable: there are too many items for YAML, or the first one is of another kind.
    """
    for node in nodes.items[:1]:
        if isinstance(node, Mapping):
            require_kind(node.keys, tuple(schemas), schema)
    if len(nodes.items) > MOST_ITEMS:
        message = f"{len(nodes.items):,} items are more than YAML may hold ({MOST_ITEMS:,})"
        raise Unreadable(nodes.line, nodes.column, "yaml_size", message, "use CSV")
    columns = _columns(nodes, schema)
    collector.begin(schema, columns, columns)
    reader = RowReader(schema, columns, defaults)
    for node in nodes.items:
        _take(node, columns, reader, collector)


def _take(node: Node, columns: tuple[str, ...], reader: RowReader, collector: LineCollector) -> None:
    if not isinstance(node, Mapping):
        collector.refuse(
            node.line, (), (Fault(node.column, "yaml_shape", "an item must be a mapping"),), node.column, ""
        )
        return
    flat, faults = _flat(node, collector.schema)
    cells = tuple([flat[name].text if name in flat else "" for name in columns])
    reference = flat.get("reference", node)
    reference_at = reference.column if reference.line == node.line else node.column
    try:
        row = reader.read(cells)
    except RowErrors as errors:
        # A value of the wrong shape is not missing: it has its own fault.
        given = node.entries.keys() - flat.keys()
        told = [error for error in errors.errors if error.code != "missing" or error.column not in given]
        faults += [_located(error, node, flat) for error in told]
    else:
        if not faults:
            collector.accept(node.line, cells, row, reference_at)
            return
    collector.refuse(node.line, cells, tuple(faults), reference_at, reader.reference_of(cells))


def _columns(nodes: Sequence, schema: Schema) -> tuple[str, ...]:
    """The keys any item uses, in the order of the schema; metadata in the order of first use.

    Raises:
        Unreadable: there are too many; every line of a report has them all.
    """
    used: dict[str, None] = {}
    for node in nodes.items:
        if isinstance(node, Mapping):
            used.update(dict.fromkeys(key for key in node.entries if key in schema.names))
            metadata = node.entries.get(_METADATA)
            if schema.metadata and isinstance(metadata, Mapping):
                used.update(dict.fromkeys(METADATA + key for key in metadata.entries))
    metadata_names = [name for name in used if name.startswith(METADATA)]
    if len(metadata_names) > MOST_METADATA:
        message = f"the items use {len(metadata_names)} different metadata keys, at most {MOST_METADATA} are allowed"
        raise Unreadable(nodes.line, nodes.column, "metadata_count", message)
    return (*(name for name in schema.names if name in used), *metadata_names)


def _flat(node: Mapping, schema: Schema) -> tuple[dict[str, Scalar], list[Fault]]:
    """The item's scalars by column, and what is wrong with its shape."""
    flat: dict[str, Scalar] = {}
    faults: list[Fault] = []
    for key, value in node.entries.items():
        if key == _METADATA and schema.metadata:
            faults += _flatten_metadata(value, flat)
        elif key not in schema.names:
            error = unknown_column(key, schema.shown)
            line, column = node.keys[key]
            faults.append(Fault(column, "unknown_key", error.message.replace("column", "key"), error.hint, line))
        elif isinstance(value, Scalar):
            flat[key] = value
        else:
            faults.append(Fault(value.column, "yaml_shape", f"{key} must be a single value", line=value.line))
    return flat, faults


def _flatten_metadata(node: Node, flat: dict[str, Scalar]) -> list[Fault]:
    if not isinstance(node, Mapping):
        return [Fault(node.column, "yaml_shape", "metadata must be a mapping of names to values", line=node.line)]
    faults: list[Fault] = []
    if len(node.entries) > METADATA_KEYS:
        faults.append(Fault(node.column, "metadata_count", f"more than {METADATA_KEYS} metadata keys", line=node.line))
    for key, value in node.entries.items():
        try:
            name = METADATA + metadata_key(METADATA + key)
        except FieldError as error:
            line, column = node.keys[key]
            faults.append(Fault(column, error.code, error.message, error.hint, line))
            continue
        if isinstance(value, Scalar):
            flat[name] = value
        else:
            faults.append(Fault(value.column, "yaml_shape", "a metadata value must be a single value", line=value.line))
    return faults


def _located(error: FieldError, node: Mapping, flat: dict[str, Scalar]) -> Fault:
    line, column = place_of(flat.get(error.column, node))
    return Fault(column, error.code, error.message, error.hint, line)
