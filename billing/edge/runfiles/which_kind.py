"""Which kind of run file it is: a YAML file says it, the header of a CSV shows it."""

from collections.abc import Mapping, Sequence

from billing.edge.runfiles.schema import Schema
from billing.edge.texts.problems import FieldError, Unreadable, suggestion
from billing.edge.texts.safe_text import quoted


def said_kind(word: str, schemas: Sequence[Schema]) -> Schema:
    """Return the kind that a YAML file says it is.

    Raises:
        FieldError: there is none of that name.
    """
    named = {schema.word: schema for schema in schemas}
    if word not in named:
        raise FieldError("kind", "unknown_kind", f"kind {quoted(word)} is unknown", suggestion(word, named))
    return named[word]


def shown_kind(columns: Sequence[str], line: int, schemas: Sequence[Schema], said: Schema | None) -> Schema:
    """Return the kind that a header is of: the one that has a column of it for itself, or else what is said or first.

    Args:
        columns: our names of what stands in the header, in its order.
        line: the header's, for messages.
        schemas: the kinds there are.
        said: the kind that the YAML file is of; None where there is only the sheet.

    Raises:
        Unreadable: it fits two kinds, or another one than the YAML file is of.
    """
    told = [schema for schema in schemas if schema.tells.intersection(columns)]
    if len(told) > 1:
        signs = [next(name for name in columns if name in schema.tells) for schema in told]
        each = " and ".join(f"{quoted(sign)} of {schema.word}" for sign, schema in zip(signs, told, strict=True))
        at = max(map(columns.index, signs)) + 1
        raise Unreadable(line, at, "two_kinds", f"one file cannot have {each}", columns_of_each(told))
    if said is not None and told and told[0] is not said:
        at = next(index for index, name in enumerate(columns) if name in told[0].tells) + 1
        message = f"the columns are those of {told[0].word}, and the run file is one of {said.word}"
        raise Unreadable(line, at, "another_kind", message, f"kind: {told[0].word}")
    return told[0] if told else said or schemas[0]


def require_kind(keys: Mapping[str, tuple[int, int]], schemas: Sequence[Schema], said: Schema) -> None:
    """Refuse an item in a YAML file of one kind that has a column of another for itself.

    Args:
        keys: where each key of the item stands, as (line, column).
        schemas: the kinds there are.
        said: the kind that the file is of.

    Raises:
        Unreadable: it is of another kind.
    """
    others = {name: schema for schema in schemas for name in schema.tells if schema is not said}
    sign = next((name for name in keys if name in others and name not in said.names), None)
    if sign is not None:
        message = f"{quoted(sign)} is of {others[sign].word}, and the run file is one of {said.word}"
        raise Unreadable(*keys[sign], "another_kind", message, f"kind: {others[sign].word}")


def columns_of_each(schemas: Sequence[Schema]) -> str:
    """What a header needs, such as ``reference, account, amount``; for each kind where there are several."""
    needed = {schema.word: ", ".join((*schema.required, *schema.amounts[:1])) for schema in schemas}
    if len(needed) == 1:
        return next(iter(needed.values()))
    return "; ".join(f"for {word}: {names}" for word, names in needed.items())
