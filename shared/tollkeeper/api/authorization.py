"""Who may call what, by the claims that API Gateway has verified; without a framework."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class UnauthenticatedError(Exception):
    """The request carries no token that is meant for this call and names its user."""


class ForbiddenError(Exception):
    """The request carries a token without the right to this call; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Lets in whom API Gateway's authorizers let in, by the claims that they have verified.

    It asks for audience and scope once more. So a route that has lost its authorizer lets nobody in, and
    neither does one that was given the other kind's.

    The claim `user_claim` names the user, who may be an organisation: then all its members are one user.
    `billing_claim`, such as `org_role=admin`, is what the tokens of those say who may change what is
    bought; where it is None all may.
    """

    user_audience: str
    service_audience: str
    service_scope: str
    user_claim: str = "sub"
    billing_claim: str | None = None

    def user(self, event: Mapping[str, Any]) -> str:
        """Return the user whose token a request carries.

        Raises:
            UnauthenticatedError: there is none, it is not a user's, or it does not name one.
        """
        claimed = _require_audience(event, self.user_audience).get(self.user_claim)
        if not claimed or not isinstance(claimed, str):
            raise UnauthenticatedError
        return claimed

    def buyer(self, event: Mapping[str, Any]) -> str:
        """Return the user whose token a request carries, if it may change what they buy.

        Raises:
            UnauthenticatedError: there is none, it is not a user's, or it does not name one.
            ForbiddenError: it is a member's without that right.
        """
        user = self.user(event)
        if not self.may_buy(event):
            name, _, wanted = str(self.billing_claim).partition("=")
            raise ForbiddenError(
                "This call changes what is bought, and needs a token that says so: "
                f"the claim {name} must be, or list, {wanted}."
            )
        return user

    def may_buy(self, event: Mapping[str, Any]) -> bool:
        """Whether the token that a request carries says that its bearer may change what is bought."""
        if self.billing_claim is None:
            return True
        name, _, wanted = self.billing_claim.partition("=")
        return wanted in _members(_claims(event).get(name))

    def service(self, event: Mapping[str, Any]) -> None:
        """See that a request carries a back end's token.

        Raises:
            UnauthenticatedError: there is none, or it is not a back end's.
            ForbiddenError: it lacks the scope.
        """
        claims = _require_audience(event, self.service_audience)
        granted = [*_members(claims.get("scope")), *_members(claims.get("scp"))]
        if self.service_scope not in " ".join(granted).split():
            raise ForbiddenError(f"This call needs a token with the scope {self.service_scope}.")


def _claims(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the verified token claims; nothing where no authorizer has verified one."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    claims: Mapping[str, Any] = authorizer.get("jwt", {}).get("claims") or {}
    return claims


def _require_audience(event: Mapping[str, Any], audience: str) -> Mapping[str, Any]:
    """Return what a token for an audience claims. One without `aud` is for its client, as at API Gateway."""
    claims = _claims(event)
    if audience not in _members(claims.get("aud") or claims.get("client_id")):
        raise UnauthenticatedError
    return claims


def _members(claim: object) -> list[str]:
    """Return what a claim lists. API Gateway hands every claim over as a text, and a list as `[a b]`."""
    match claim:
        case None:
            return []
        case str() if claim.startswith("[") and claim.endswith("]"):
            return claim[1:-1].split()
        case list():
            return [str(each) for each in claim]
    return [str(claim)]
