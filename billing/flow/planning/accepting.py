"""What a person accepts of how a run differs from the ones before it, and what policy refuses.

An ack holds for exactly what was seen: the lines, accounts or numbers of a variance as they were. It is kept with the
plan, in one transaction. A run that has begun goes on without being asked again; an amendment is compared, and asked
about, as its sheet stands now.
"""

from collections.abc import Mapping, Sequence

from billing.core.acks import Ack, acks_from
from billing.core.errors import InvalidInput, Problem, UsageError
from billing.core.policies import Attitude
from billing.core.variances import RULES, Variance
from billing.edge.texts.reasons import recorded_reason
from billing.edge.texts.safe_text import quoted
from billing.flow.planning.planned import Plan

NAMED = 3
# Lines that a problem names of a variance.


def acks_asked(names: Sequence[str], reasons: Sequence[str]) -> dict[str, str]:
    """Return what is accepted, each with its reason: there is one for all, or one for each.

    Raises:
        UsageError: a name is none or comes twice, or a reason is missing, too much, or not for the record.
    """
    unknown = [name for name in names if name not in RULES]
    if unknown:
        known, named = ", ".join(RULES), ", ".join(map(quoted, unknown))
        raise UsageError(f"--ack {named}: there is none of that name; there are {known}. Nothing was sent")
    if len(set(names)) < len(names):
        raise UsageError("--ack has the same name twice; nothing was sent")
    if len(reasons) not in ({len(names), 1} if names else {0}):
        raise UsageError("--ack NAME and --reason TEXT go together: one reason for all, or one for each in its order")
    said = [recorded_reason(text, "why it is right that the run differs", "nothing was sent") for text in reasons]
    return dict(zip(names, said if len(said) == len(names) else said * len(names), strict=True))


def take_acks(plan: Plan, asked: Mapping[str, str], by: str, saved: Sequence[Ack]) -> None:
    """Put to a plan which acks hold for it: those on record, those of a saved plan, and those asked for now.

    Args:
        plan: with its variances.
        asked: name -> reason, from `acks_asked`.
        by: user and host who asks.
        saved: of the saved plan.

    Raises:
        UsageError: what is asked for needs no ack; it names what does.
    """
    known = [] if plan.existing is None else list(acks_from(plan.existing.header.get("acks", ())))
    if plan.frozen:
        plan.acks = known  # what was agreed to is on record, and the sheet is the same
        return
    wanted = {each.name: each for each in plan.variances if each.attitude is Attitude.ACK}
    needless = [name for name in asked if name not in wanted]
    if needless:
        asks = f"it asks for {', '.join(wanted)}" if wanted else "it asks for none"
        raise UsageError(f"the plan asks for no --ack {', '.join(needless)}: {asks}; nothing was sent")
    plan.acks = [ack for ack in known if _holds(ack, plan)]
    for ack in (*saved, *(Ack.of_variance(wanted[name], reason, by) for name, reason in asked.items())):
        if _holds(ack, plan) and not any((ack.variance, ack.seen) == (each.variance, each.seen) for each in plan.acks):
            plan.acks.append(ack)
            plan.new_acks.append(ack)


def _holds(ack: Ack, plan: Plan) -> bool:
    return any(ack.covers(each) for each in plan.variances)


def waiting(plan: Plan) -> list[Variance]:
    """Return what nobody has accepted yet and somebody must."""
    return [each for each in _binding(plan, Attitude.ACK) if ack_of(plan, each) is None]


def refused(plan: Plan) -> list[Variance]:
    """Return what policy refuses, whoever accepts it."""
    return _binding(plan, Attitude.REFUSE)


def ack_of(plan: Plan, found: Variance) -> Ack | None:
    """Return the ack that holds for a variance, or None."""
    return next((ack for ack in plan.acks if ack.covers(found)), None)


def _binding(plan: Plan, attitude: Attitude) -> list[Variance]:
    return [] if plan.frozen else [each for each in plan.variances if each.attitude is attitude]


def require_accepted(plan: Plan) -> None:
    """Refuse a run that differs from the ones before it in a way that policy does not let pass.

    Raises:
        InvalidInput: all that must be accepted, and all that is refused (exit 3).
    """
    problems = [
        _problem(plan, each, "refused_by_policy", f"policy refuses it: compare.{each.name}") for each in refused(plan)
    ]
    problems += [
        _problem(plan, each, "ack_needed", f'accept it: --ack {each.name} --reason "..."') for each in waiting(plan)
    ]
    if problems:
        raise InvalidInput(problems)


def _problem(plan: Plan, found: Variance, code: str, hint: str) -> Problem:
    names = [each.reference or each.account for each in found.named[:NAMED]]
    more = f" and {found.count - len(names):,} more" if names and found.count > len(names) else ""
    named = f": {', '.join(names)}{more}" if names else ""
    return Problem(plan.file, 0, 0, code, f"{found.name}: {found.says}{named}", hint)
