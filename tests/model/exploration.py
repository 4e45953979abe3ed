"""Walk a case, judge the verdict, and sum up what was walked."""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.model.explorer import Explorer, Found
from tests.model.runner import Shipped
from tests.model.settings import Case


def explore(case: Case) -> Found:
    """Walk one case: to its end, or to the violations it must show."""
    return Explorer(case.design, stop_at=case.caught).explore()


def as_expected(case: Case, found: Found) -> bool:
    """Tell whether the verdict is the expected one."""
    return case.caught <= found.violations.keys() if case.caught else found.complete and not found.violations


@dataclass(frozen=True, slots=True)
class Totals:
    """What a number of walks came to.

    Attributes:
        states: of the shipped design, under all settings together; a state counts once under each of them.
        violations: kinds of violation of the shipped design, over all settings.
        rejected: designs that must be caught.
        caught: those that were, at everything they must be caught at.
    """

    states: int
    violations: int
    rejected: int
    caught: int

    def __str__(self) -> str:
        """Return the sentence that tells it."""
        missed = f", {self.rejected - self.caught:,} not" if self.caught < self.rejected else ""
        return (
            f"{self.states:,} states of the shipped design, {self.violations:,} violations; "
            f"{self.caught:,} rejected designs caught{missed}"
        )


def totals(walked: Iterable[tuple[Case, Found]]) -> Totals:
    """Sum up. Designs that are sound without being the shipped one count on neither side."""
    pairs = list(walked)
    ours = [found for case, found in pairs if type(case.design) is Shipped]
    rejected = [as_expected(case, found) for case, found in pairs if case.caught]
    return Totals(
        states=sum(found.states for found in ours),
        violations=sum(len(found.violations) for found in ours),
        rejected=len(rejected),
        caught=sum(rejected),
    )
