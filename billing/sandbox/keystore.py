"""The idempotency keys: what was first asked under each, and the answer that is given for ever after, for a day.

Source of every rule: docs.stripe.com/api/idempotent_requests and docs.stripe.com/error-low-level.
"""

from dataclasses import dataclass

from billing.sandbox.refusals import invalid, key_in_use, key_mismatch

MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer kept under a key."""

    status: int
    body: bytes
    request_id: str


@dataclass(slots=True)
class Entry:
    """One key.

    Attributes:
        answer: what is replayed; none while nothing has been kept.
        running: the first request has not been answered yet.
    """

    path: str
    params: tuple[tuple[str, str], ...]
    created: float
    running: bool = True
    answer: Stored | None = None


class KeyStore:
    """Every key in use, by key space."""

    def __init__(self, age_seconds: float) -> None:
        """Keys are forgotten ``age_seconds`` after their first use."""
        self._age = age_seconds
        self._entries: dict[tuple[str, str], Entry] = {}

    def open(self, space: str, key: str, path: str, pairs: list[tuple[str, str]], now: float) -> Entry:
        """The entry of this key: a new running one, or the kept one to replay.

        Raises:
            Refusal: other parameters, another endpoint, still running, or too long.
        """
        if len(key) > MAX_LENGTH:
            raise invalid(f"Idempotency keys can have up to {MAX_LENGTH} characters.", "idempotency_key")
        params = tuple(sorted(pairs))
        entry = self._entries.get((space, key))
        if entry is None or (now - entry.created >= self._age and not entry.running):
            entry = self._entries[space, key] = Entry(path, params, now)
            return entry
        if entry.path != path:
            raise key_mismatch("for the same endpoint", key)
        if entry.params != params:
            raise key_mismatch("with the same parameters", key)
        if entry.running:
            raise key_in_use(key)
        return entry

    def forget(self, space: str, key: str) -> None:
        """The request failed before execution began: the key was never used."""
        self._entries.pop((space, key), None)

    def prune(self) -> int:
        """Forget every key that is not running, whatever its age; how many went."""
        gone = [place for place, entry in self._entries.items() if not entry.running]
        for place in gone:
            del self._entries[place]
        return len(gone)
