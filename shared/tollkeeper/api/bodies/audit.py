"""What was changed of a user, and by whom."""

from datetime import datetime

from tollkeeper.api.bodies.model import Body
from tollkeeper.rules.audit import Details


class AuditEntryOut(Body):
    """Who did what to which thing, when, and what of it that changed."""

    at: datetime
    actor: str
    action: str
    entity_type: str
    entity_id: str
    details: Details
    event_id: str | None


class AuditTrailOut(Body):
    """Some of the audit trail, the newest first, and where the next entries begin: null at the end."""

    entries: list[AuditEntryOut]
    cursor: str | None
