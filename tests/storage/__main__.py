"""Damage a ledger by seed: ``python -m tests.storage --damages 20000 --seed 7``. One that is overlooked is printed."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.storage.damages import Original, any_damage, judged, made


async def sweep(original: Original, damages: int, seed: int) -> tuple[Counter[str], int]:
    """Judge ``damages`` damages; return how many of each kind changed data, and how many of those were overlooked."""
    dice, counted, overlooked = random.Random(seed), Counter(), 0
    for number in range(damages):
        verdict = await judged(original, any_damage(dice, original))
        counted[verdict.damage.kind] += verdict.counted
        if verdict.overlooked:
            overlooked += 1
            what = f"{verdict.damage.kind}: {verdict.damage.what}"
            sys.stdout.write(f"seed {seed}, damage {number}: {verdict.overlooked} overlooked {what}\n")
            sys.stdout.flush()
    return counted, overlooked


def main() -> int:
    """Make a ledger, damage it, print the counts; 1 if anything was overlooked."""
    parser = argparse.ArgumentParser(prog="python -m tests.storage", description=__doc__)
    parser.add_argument("--damages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    memory = Path("/dev/shm")  # noqa: S108 - a private folder of its own in it
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        counted, overlooked = asyncio.run(sweep(made(Path(folder)), asked.damages, asked.seed))
    for kind, number in sorted(counted.items()):
        sys.stdout.write(f"{kind:30}{number:8}\n")
    sys.stdout.write(
        f"{asked.damages} damages of seed {asked.seed}, {counted.total()} changed data, {overlooked} overlooked, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return 1 if overlooked else 0


if __name__ == "__main__":
    sys.exit(main())
