"""Running a command's coroutine: the faster event loop where there is one, and a heap the collector need not walk."""

import gc
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


def run(main: Callable[..., Coroutine[Any, Any, T]], *args: Any) -> T:  # noqa: ANN401  passed on as given
    """Run a coroutine function to its end.

    Modules and tables live as long as the process. Frozen, they are left out of every collection, which took a tenth of
    the time of a charge: each item makes and drops some thousands of small objects. (docs.python.org/3/library/gc.html)
    """
    gc.freeze()
    return anyio.run(main, *args, backend_options={"use_uvloop": find_spec("uvloop") is not None})
