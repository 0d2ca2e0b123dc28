"""What became of the wish to consume, and what follows from it once the work is done or has failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus

from tollkeeper.client.facts import Fact


class PermissionState(Enum):
    """What is known of a wish to consume."""

    GRANTED = "granted"
    REFUSED = "refused"
    NOT_ASKED = "not asked"
    """It certainly did not reach Tollkeeper: it counts with the next sum."""
    NOT_ANSWERED = "not answered"
    """It may have been counted: it counts under its own id, and so once."""


@dataclass(slots=True)
class Permission:
    """Something that a user is about to do, under an id.

    Attributes:
        fact: Who does what, and how often.
        id: Its id at Tollkeeper.
        state: What is known of it.
        is_open: Whether it may be done although nothing is known.
        body: What Tollkeeper answered: where the user stands, or why not.
        is_settled: Whether what follows from its success or failure is done.
    """

    fact: Fact
    id: str
    state: PermissionState = PermissionState.NOT_ASKED
    is_open: bool = True
    body: Mapping[str, object] = field(default_factory=dict)
    is_settled: bool = False

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self.state is PermissionState.GRANTED or (
            self.state is not PermissionState.REFUSED and self.is_open
        )

    @property
    def refusal(self) -> tuple[HTTPStatus, Mapping[str, object]]:
        """The answer to whoever may not: 402 in Tollkeeper's words, or 503 while nothing is known."""
        if self.state is PermissionState.REFUSED:
            return HTTPStatus.PAYMENT_REQUIRED, self.body
        message = "Limits cannot be checked at the moment. Try again."
        return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "unavailable", "message": message}


class NotAllowedError(Exception):
    """A user may not do something; the middleware answers it as `permission.refusal` says."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"{permission.fact.user} may not: {permission.fact.metric}")
        self.permission = permission
