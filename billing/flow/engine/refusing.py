"""Accounts that refuse everything: nothing more is begun there, and beside each of their items stands why it waits."""

import contextlib
from functools import partial

from billing.core.entries import ItemRecord, Move, Note
from billing.core.kinds import is_unsent
from billing.core.life import Life
from billing.edge.ledger import LostRace
from billing.flow.engine.context import waits_for_account
from billing.flow.engine.gather import gather
from billing.flow.engine.scheduler import PAGE
from billing.flow.services import Services


class Refusing:
    """The accounts of a run that this process has heard refuse everything."""

    def __init__(self, services: Services, run_id: str, life: Life) -> None:
        """Begin with none."""
        self._services, self._run_id, self._life = services, run_id, life
        self._accounts: set[str] = set()

    def keeps_back(self, item: ItemRecord) -> bool:
        """Tell whether an item waits for its account; what was started ends by its own answers."""
        return item.account in self._accounts and is_unsent(item.state)

    async def add(self, account: str, code: str, words: str) -> None:
        """Begin nothing more on an account; the queue still hands its items out.

        Args:
            account: that refuses everything.
            code: why, in Stripe's code.
            words: the same in Stripe's words.

        Raises:
            LedgerError: a commit failed.
        """
        if account in self._accounts:
            return
        self._accounts.add(account)
        services = self._services
        services.log("account_set_aside", run=self._run_id, account=account, reason_code=code)
        note = Move(Note.SET_ASIDE, facts=waits_for_account(account, code, words))

        async def tell(item: ItemRecord) -> None:
            with contextlib.suppress(LostRace):  # it was just started
                await services.ledger.record(item, note)

        row = 0
        while page := services.ledger.work(self._run_id, (self._life.planned,), account, row, PAGE):
            row = page[-1].id
            await gather(*(partial(tell, item) for item in page if item.facts.get("reason_code") != code))
