"""/subscription/…: what users decide about their own subscription."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from tollkeeper import runtime
from tollkeeper.api.bodies.subscription import SpendingCap
from tollkeeper.api.resolver import Caller, handler_of, resolver
from tollkeeper.clock import Clock
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.spending_caps import SpendingCaps

app = resolver()


@app.put("/subscription/spending-cap", summary="Set the most overage that the caller accepts in a period")
def set_spending_cap(
    body: SpendingCap,
    user: Caller,
    caps: Annotated[SpendingCaps, Depends(runtime.spending_caps)],
    clock: Annotated[Clock, Depends(runtime.clock)],
    patience: Annotated[Patience, Depends(runtime.patience)],
) -> SpendingCap:
    """Hold from now on: consuming beyond it is refused, and what is tracked beyond it is not billed."""
    caps.set(user, body.amount, clock.now(), patience)
    return body


handler = handler_of(app, lambda event: runtime.authorizer().buyer(event))
