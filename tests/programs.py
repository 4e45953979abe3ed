"""Programs that only tests need: required where TEST_PROGRAMS says so, else who lacks one sees its tests skipped."""

import os
import shutil

import pytest


def program(name: str, package: str) -> str:
    """Return where a program is; without it the test fails, or is skipped with what to type."""
    found = shutil.which(name)
    if found is None:
        stop = pytest.fail if os.environ.get("TEST_PROGRAMS") == "required" else pytest.skip
        stop(f"{name} is missing: apt-get install {package}")
    return found
