"""Walk two ledgers breadth first, and what the walks must come to: ``python -m tests.model.ledgers_walk``."""

import argparse
import sys

from tests.model.ledgers import Runner
from tests.model.ledgers_stripe import Setting
from tests.model.pairs import PairWalk


class Walk(PairWalk):
    """One setting of a charge's two ledgers, explored."""

    def __init__(self, setting: Setting, *, stop: bool = False, most: int | None = None) -> None:
        """Prepare a walk, as ``PairWalk``."""
        super().__init__(Runner(setting), stop=stop, most=most)


KEPT_SECONDS = 24 * 3600.0
# How long Stripe keeps a key at least. (docs.stripe.com/api/idempotent_requests)

CHANGE = (Setting(), Setting(late=0, cancels=True), Setting(restores=False), Setting(late=0, list=2, key=3))
# The shipped design, on every change: each in seconds.

DEEP = (Setting(cancels=True, restores=False), Setting(late=0, declines=True), Setting(late=2, restores=False))
# The same with --deep: minutes.

QUICK = Setting(late=0, restores=False)
REJECTED: tuple[tuple[str, Setting, str], ...] = (
    ("no list", QUICK._replace(lists=False, licence=False), "double"),
    ("a list older than the keys", QUICK._replace(list=2), "double"),
    ("the next key after a new error", QUICK._replace(grows="new"), "double"),
    ("the next key after any replayed error", QUICK._replace(grows="replayed"), "double"),
    ("the next key after a replayed error that seems new", QUICK._replace(grows="young", timely=True), "double"),
    ("the same, every 5xx Stripe's own, but late", QUICK._replace(grows="young", late=1, proxies=False), "double"),
    ("the answer of an open is believed whatever the list's age", QUICK._replace(late=1, looks_again=False), "double"),
    ("a confirm whose key was used is failed", QUICK._replace(late=1, used="fails"), "hidden"),
    ("another intent for a confirm whose key was used", QUICK._replace(used="opens"), "double"),
    ("whatever carries the name is taken over", QUICK._replace(plants=True, compares=False), "false"),
)
SOUND: tuple[tuple[str, Setting], ...] = (
    ("no licence for the confirm", QUICK._replace(licence=False)),
    ("the next key while the error is young, no proxies, nothing late", QUICK._replace(
        grows="young", timely=True, proxies=False
    )),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Print what each walk came to; exit 1 when one is not as expected."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.ledgers_walk", description="Two ledgers, one Stripe.")
    parser.add_argument("--deep", action="store_true", help="the large settings too: minutes, some GB")
    parser.add_argument("--traces", action="store_true", help="the shortest way to each violation, step by step")
    chosen = parser.parse_args(arguments)
    ours = [("the shipped design", setting, "") for setting in CHANGE + (DEEP if chosen.deep else ())]
    wrong = 0
    for name, setting, law in (*ours, *REJECTED, *((name, setting, "") for name, setting in SOUND)):
        found = Walk(setting, stop=bool(law)).explore()
        expected = law in found.violations if law else found.complete and not found.violations
        wrong += not expected
        says = ", ".join(f"{kind} after {len(trace)} steps" for kind, trace in found.violations.items()) or "holds"
        print(f"{' ' if expected else '!'} {name:<64} {found.states:>10,} {found.seconds:>6.1f} s  {says}", flush=True)  # noqa: T201
        for kind, trace in found.violations.items() if chosen.traces or not expected else ():
            lines = [f"      {number:>2}  {text}" for number, text in enumerate(trace, 1)]
            print("\n".join([f"    {kind}:", *lines]), flush=True)  # noqa: T201
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
