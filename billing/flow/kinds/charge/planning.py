"""What planning charges takes: look-ups, and the lists that show what another ledger has opened."""

from billing.flow.kinds.charge.elsewhere import opened_elsewhere
from billing.flow.kinds.charge.preflight import UNEXAMINED, look_up
from billing.flow.planning.preflight import Planning

CHARGE_PLANNING = Planning(look_up=look_up, unexamined=UNEXAMINED, elsewhere=opened_elsewhere)
