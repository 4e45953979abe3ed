"""Running a command's coroutine: the faster event loop where there is one, and a collector that seldom looks."""

import gc
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

import anyio

T = TypeVar("T")

COLLECT_AFTER = 20_000
# New objects between two collections, in the place of 700: a charge makes thousands and hardly a cycle among them.


def spare_collections() -> None:
    """Leave what is loaded out of every collection, and collect less often: an eighth of the time of a charge.

    Modules and tables live as long as the process; frozen, they are not walked again. (docs.python.org/3/library/gc)
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


@contextmanager
def heard_at_once() -> Iterator[None]:
    """Let Ctrl-C end what works for long without a pause; the event loop would hear of it only at the end.

    Raises:
        KeyboardInterrupt: somebody typed it.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run(main: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:  # noqa: ANN401  passed on as given
    """Run a coroutine function to its end."""
    spare_collections()
    return anyio.run(main, *args, backend_options={"use_uvloop": find_spec("uvloop") is not None})
