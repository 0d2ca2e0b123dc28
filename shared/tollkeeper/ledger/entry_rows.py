"""Rows that are written once and never changed: audit entries and announcements."""

import json
from datetime import timedelta

from tollkeeper.ledger.rows import text
from tollkeeper.ledger.table import Cells, Row
from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.audit import Action, AuditEntry
from tollkeeper.rules.times import epoch, parse_iso

ANNOUNCEMENT_LIFETIME = timedelta(days=30)
"""How long an announcement made again is known to have been made: longer than Stripe repeats an event."""


def audit_entry(of: AuditEntry) -> Cells:
    """Return an audit entry's row, without its key."""
    return {
        "userId": of.user_id,
        "at": of.at,
        "actor": of.actor,
        "action": of.action.value,
        "entityType": of.entity_type,
        "entityId": of.entity_id,
        "details": json.dumps(of.details),
        "eventId": of.event_id,
    }


def read_audit_entry(row: Row) -> AuditEntry:
    """Read an audit entry's row."""
    return AuditEntry(
        user_id=str(row["userId"]),
        at=parse_iso(str(row["at"])),
        actor=str(row["actor"]),
        action=Action(str(row["action"])),
        entity_type=str(row["entityType"]),
        entity_id=str(row["entityId"]),
        details=json.loads(str(row["details"])),
        event_id=text(row, "eventId"),
    )


def announcement(of: Announcement) -> Cells:
    """Return an announcement's row, without its key."""
    return {
        "userId": of.user_id,
        "id": of.id,
        "kind": of.kind.value,
        "at": of.at,
        "detail": json.dumps(of.detail, separators=(",", ":")),
        "expiresAt": epoch(of.at + ANNOUNCEMENT_LIFETIME),
    }


def read_announcement(row: Row) -> Announcement:
    """Read an announcement's row."""
    return Announcement(
        id=str(row["id"]),
        kind=Kind(str(row["kind"])),
        user_id=text(row, "userId"),
        at=parse_iso(str(row["at"])),
        detail=json.loads(str(row["detail"])),
    )
