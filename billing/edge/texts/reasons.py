"""A reason that a person gives and that goes on record: short, and about nobody."""

from billing.core.errors import UsageError
from billing.edge.texts.safe_text import sensitive

MOST_REASON = 200


def recorded_reason(text: str, why: str, undone: str) -> str:
    """Return a reason as it goes on record.

    Args:
        text: as it was typed behind ``--reason``.
        why: what it says, to follow "says in few words".
        undone: what was not done because of it.

    Raises:
        UsageError: it is empty, too long for the record, or has an address, a card or bank account, or a key in it.
    """
    if not text.strip() or len(text) > MOST_REASON:
        raise UsageError(f"--reason says in 1 to {MOST_REASON} characters {why}")
    found = sensitive(text)
    if found is not None:
        raise UsageError(f"--reason holds {found[1]}, and goes on record: name nobody; {undone}")
    return text.strip()
