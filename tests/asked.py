"""The five requests of a charge, of no item: what an answer means hangs on nothing else of theirs."""

from billing.core.calls import Call
from billing.core.kinds import charge
from billing.core.objects import intent, method

OPEN = Call(charge.OPEN, "", {}, intent.OPENED)
CLONE = Call(charge.CLONE, "", {}, method.CLONED)
CONFIRM = Call(charge.CONFIRM, "", {}, intent.CONFIRMED)
CANCEL = Call(charge.CANCEL, "", {}, intent.CANCELLED)
READ = Call(charge.READ, "", {}, intent.READ)
ASKED = {call.op.name: call for call in (OPEN, CLONE, CONFIRM, CANCEL, READ)}
