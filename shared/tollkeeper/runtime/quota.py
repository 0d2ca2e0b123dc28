"""What answers questions of quota is made of."""

from functools import cache
from typing import TYPE_CHECKING

from tollkeeper import runtime

if TYPE_CHECKING:
    from tollkeeper.quota.quota import Quota


@cache
def quota() -> "Quota":
    """Return what answers questions of quota."""
    from tollkeeper.ledger.consuming import Consuming
    from tollkeeper.quota.quota import Quota

    return Quota(Consuming(runtime.table(), runtime.offer()))
