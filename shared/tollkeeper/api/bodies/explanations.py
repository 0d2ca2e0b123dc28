"""Why an invoice has overage on it."""

from datetime import datetime

from tollkeeper.api.bodies.model import Body
from tollkeeper.api.bodies.records import UsageRecordOut


class InvoicedOut(Body):
    """What the invoice says of a charge, in cents before discounts and tax."""

    quantity: int
    amount: int


class ExplainedChargeOut(Body):
    """How a charge came about: `incurred + max(0, used − incurred − included) − capped = quantity`.

    `price` is in cents each, `amount` in cents. `included` is -1 where the plan is unlimited, `incurred`
    what was over the limit before an upgrade, `capped` what the spending cap keeps from being billed.
    `invoiced` is its line on the invoice, and `waived` says that somebody took it off.
    """

    event_type: str
    description: str
    used: int
    included: int
    incurred: int
    capped: int
    quantity: int
    price: float
    amount: int
    waived: bool
    invoiced: InvoicedOut | None


class ExplanationOut(Body):
    """An invoice's overage, and some of the records that its period counted of what was charged.

    `records` are about a hundred, or fewer, and `cursor` is where the next ones begin: null at the end.
    """

    invoice_id: str
    status: str
    period_start: datetime | None
    period_end: datetime | None
    plan_tier: str | None
    charges: list[ExplainedChargeOut]
    decisions: list[str]
    records: list[UsageRecordOut]
    cursor: str | None
