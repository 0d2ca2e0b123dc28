"""The bodies of errors, ours and API Gateway's."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tollkeeper.api.bodies.model import Body
from tollkeeper.rules.limits import OnLimit


def _without_default(schema: dict[str, Any]) -> None:
    """Say that a field may be left out, rather than null."""
    del schema["default"]


class GatewayFailure(BaseModel):
    """An error that API Gateway may answer in our place: it says a sentence alone, only we a code too."""

    model_config = ConfigDict(extra="allow")

    error: Annotated[str | SkipJsonSchema[None], Field(json_schema_extra=_without_default)] = None
    message: str


class Failure(BaseModel):
    """Any error of ours: a code for programs and a sentence for people, and where an invoice can be paid."""

    model_config = ConfigDict(extra="allow", validate_by_name=True)

    error: str
    message: str
    hosted_invoice_url: Annotated[
        str | SkipJsonSchema[None], Field(alias="hostedInvoiceUrl", json_schema_extra=_without_default)
    ] = None


class FaultOut(Body):
    """What is wrong with one part of a request: where, as `records.0.quantity`, and in a sentence why."""

    path: str
    message: str


class ValidationFailure(Body):
    """Parts of the request cannot be used."""

    error: Literal["validation_failed"]
    message: str
    fields: list[FaultOut]


class ConsumeRefused(Body):
    """Where a user stands who has reached a limit, or the spending cap, which is told in cents then."""

    error: Literal["Usage limit exceeded", "Spending cap reached"]
    message: str
    limit: int
    current: int
    remaining: int
    plan_tier: str
    on_limit: OnLimit
    resets_at: datetime | None
    upgrade_url: str
    spending_cap: Annotated[int | SkipJsonSchema[None], Field(json_schema_extra=_without_default)] = None
