"""How the text of a setting is repeated in a message: never where it may be secret."""

import re

from billing.edge.texts.problems import FieldError


def about(text: str, error: ValueError) -> str:
    """What is wrong with a text, which is repeated unless it may be secret."""
    return error.message if isinstance(error, FieldError) else f'"{shown(text)}" {error}'


def shown(text: str) -> str:
    """Return a value as a message may repeat it: without what stands before the @ of an address."""
    return re.sub(r"//[^/\s]*@", "//...@", text)
