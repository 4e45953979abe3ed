"""Every await of the money path, one after another: the runner is killed there, or stands still there for a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from billing.sandbox.config import Behaviour
from billing.sandbox.faults import Fault, FaultKind, Scripted
from tests.sim.lifecycle import Life, memory_folder
from tests.sim.schedule import DAY, Doom, Fate, How

MIX = {"succeeds": 0.5, "stolen_card": 0.5}
# One item that is paid and one that is declined and fenced: together they send every request but the two look-ups ...
LOOKS = (
    Scripted(Fault(FaultKind.LOST_AFTER), "payment_intents.confirm"),
    Scripted(Fault(FaultKind.LOST_AFTER), "payment_intents.cancel"),
    Scripted(Fault(FaultKind.STORED_500_DONE), "payment_intents.create"),
)
# ... which these bring about: a confirm and a cancel to be read after, an open to be found by list.


@dataclass(frozen=True, slots=True)
class Course:
    """One way through the money path, and what happens at each of its points.

    Attributes:
        how: killed, or stopped while another runner finishes.
        looks: whether answers are lost, so that intents are read and listed.
        jump: seconds the provider's clock moves before anybody goes on; more than a day forgets every key.
        noticed: whether a stopped runner's clock counts the time it stood still.
    """

    how: How
    looks: bool
    jump: float
    noticed: bool = True

    def __str__(self) -> str:
        """Its name in a test report."""
        parts = [str(self.how), "lost answers" * self.looks, "keys forgotten" * (self.jump > DAY)]
        return ", ".join([part for part in parts if part] + ["clock stood still"] * (not self.noticed))


COURSES = (
    Course(How.KILL, looks=False, jump=0.0),
    Course(How.KILL, looks=True, jump=0.0),
    Course(How.KILL, looks=True, jump=1.1 * DAY),
    Course(How.STOP, looks=False, jump=1.1 * DAY),
    Course(How.STOP, looks=True, jump=0.0),
    Course(How.STOP, looks=True, jump=1.1 * DAY, noticed=False),
)


def points(course: Course) -> Iterator[str]:
    """Live the course once for every turn an undisturbed runner takes; yield what was violated there, or nothing."""
    for turn in count(1):
        reached, violation = disturbed(course, turn)
        if not (reached or violation):
            return
        yield violation


def disturbed(course: Course, turn: int) -> tuple[bool, str]:
    """Disturb the first runner after one turn of its loop; tell whether it still lived then, and what was violated."""
    doom = Doom(course.how, turn, company=False, jump=course.jump, skew=0.0)
    fate = Fate(2, {}, 0.1, 0.02, Behaviour(carry_intent=False), (doom,), course.noticed)
    with memory_folder() as folder:
        life = Life.begin(7, fate, folder, MIX)
        if course.looks:
            life.world.sandbox.faults.add(*LOOKS)
        try:
            life.live()
            life.verdict()
            violation = ""
        except Exception as failure:  # noqa: BLE001  whatever it is, the place is what the reader needs
            violation = f"{course}, after turn {turn}: {type(failure).__name__}: {failure}"
        life.machine.bury()
        return life.met.total() > 0, violation
