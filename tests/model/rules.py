"""What a setting allows: how many runners, which faults, how Stripe behaves where its documentation is silent."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """One setting.

    Attributes:
        runners: 1 or 2, without a lock.
        attempts: how many the operator allows; a dead clone may add one.
        delayed: confirms (or creates) that may be on their way without a sender, at most.
        spent: which confirms spend a clone: ``always``, ``success`` or ``never``.
        keys: ``none`` (every arrival executes), ``pruned`` (forgotten at any moment), ``kept`` (never), ``quiet``
            (forgotten only while no request is on its way).
        losses: requests and answers may be lost, limiters may say no.
        delays: a request may arrive after its sender is gone.
        kills: runners may die.
        declines: the bank may say no.
        refusals: Stripe may refuse an open, a clone or a confirm as wrong.
        debits: the bank may take days to answer.
        returns: the bank may take back what has succeeded.
        payer: the bank may ask the payer, who may answer at any later time.
        nameless: a decline may leave a trace that does not name its clone.
        stale: what is read of an intent: ``no`` the truth, ``open`` perhaps an older decline or no trace yet, ``any``
            perhaps ``processing`` although the bank has answered.
        outsider: somebody may cancel the intent in the Dashboard.
        operator: the operator may cancel a ready item.
    """

    runners: int = 2
    attempts: int = 2
    delayed: int = 1
    spent: str = "never"
    keys: str = "none"
    losses: bool = True
    delays: bool = True
    kills: bool = True
    declines: bool = True
    refusals: bool = True
    debits: bool = False
    returns: bool = False
    payer: bool = False
    nameless: bool = False
    stale: str = "no"
    outsider: bool = False
    operator: bool = True

    def __str__(self) -> str:
        """Return what differs from the defaults, and always the number of runners."""
        plain = Rules()
        changed = {name: getattr(self, name) for name in self.__slots__ if name != "runners"}
        texts = [
            (name if value is True else f"no {name}" if value is False else f"{name}={value}")
            for name, value in changed.items()
            if value != getattr(plain, name)
        ]
        return ", ".join([f"{self.runners} runner" + "s" * (self.runners > 1), *texts])
