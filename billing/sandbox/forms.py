"""Form-encoded v1 parameters, read into a tree: ``a[b][0]=x`` becomes ``{"a": {"b": {"0": "x"}}}``."""

from functools import lru_cache
from urllib.parse import parse_qsl

from billing.sandbox.refusals import invalid

Node = str | dict[str, "Node"]
Tree = dict[str, Node]


@lru_cache(maxsize=4096)
def parts_of(name: str) -> tuple[str, ...]:
    """The steps of one parameter name: ``a[b][]`` is ``("a", "b", "")``."""
    head, *rest = name.split("[")
    return (head, *(part.removesuffix("]") for part in rest))


def pairs_of(encoded: str) -> list[tuple[str, str]]:
    """Name and value of every parameter, blank values kept, in the order sent."""
    return parse_qsl(encoded, keep_blank_values=True) if encoded else []


def tree_of(pairs: list[tuple[str, str]]) -> Tree:
    """The pairs as one tree. Arrays are mappings by index; ``[]`` takes the next free one.

    Raises:
        Refusal: a name is used both as a value and as a container.
    """
    root: Tree = {}
    for name, value in pairs:
        if "[" not in name:
            root[name] = value
            continue
        *steps, last = parts_of(name)
        here = root
        for step in steps:
            below = here.setdefault(step or str(len(here)), {})
            if not isinstance(below, dict):
                raise invalid(f"Invalid object: {name}", name)
            here = below
        here[last or str(len(here))] = value
    return root
