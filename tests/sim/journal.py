"""What was sent and what was answered, in JSON's own values: all that the auditor sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Journal:
    """Every request with the time it was sent and its answer; None where none came.

    `story` is the same for people: it is short, says nothing twice, and tells what went wrong as well.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)

    def note(
        self, at: datetime, request: str, body: Mapping[str, Any], answer: Mapping[str, Any] | None
    ) -> None:
        """Note a request."""
        self.entries.append({"at": at.isoformat(), "request": request, "body": dict(body), "answer": answer})
        asked = " ".join(f"{name}={_short(value)}" for name, value in body.items())
        told = f"{request} {asked} → {'no answer' if answer is None else _answered(answer)}"
        if request == "GET /subscription":
            if self._seen.get(asked) == told:
                return
            self._seen[asked] = told
        self.tell(at, told)

    def tell(self, at: datetime, what: str) -> None:
        """Tell what happened."""
        self.story.append(f"{at:%Y-%m-%d %H:%M:%S}  {what}")


def _short(value: object) -> str:
    match value:
        case [Mapping(), *_]:
            return f"[{', '.join(map(_short, value))}]"
        case {"id": name, "eventType": metric, "quantity": quantity, "timestamp": stamp}:
            return f"{name}: {quantity} {metric} at {stamp}"
        case Mapping():
            return " ".join(f"{name}:{_short(each)}" for name, each in value.items() if each)
        case _:
            return str(value)


def _answered(answer: Mapping[str, Any]) -> str:
    told = " ".join(
        f"{name}={_short(value)}" for name, value in answer.items() if value not in (None, [], "")
    )
    return told or "yes"
