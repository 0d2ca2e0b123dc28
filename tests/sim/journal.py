"""What was sent and what was answered, in JSON's own values: all that the auditor sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Journal:
    """Every request with the time it was sent and its answer; None where none came.

    `story` is the same for people, and tells what went wrong as well.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)

    def note(
        self, at: datetime, request: str, body: Mapping[str, Any], answer: Mapping[str, Any] | None
    ) -> None:
        """Note a request."""
        self.entries.append({"at": at.isoformat(), "request": request, "body": dict(body), "answer": answer})
        told = " ".join(f"{name}={value}" for name, value in body.items())
        self.tell(at, f"{request} {told} → {'no answer' if answer is None else answer}")

    def tell(self, at: datetime, what: str) -> None:
        """Tell what happened."""
        self.story.append(f"{at:%Y-%m-%d %H:%M:%S}  {what}")
