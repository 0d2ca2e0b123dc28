"""The bodies of errors, ours and API Gateway's."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from tollkeeper.api.bodies.model import Body, without_default


class GatewayFailure(BaseModel):
    """An error that API Gateway may answer in our place: it says a sentence alone, only we a code too."""

    model_config = ConfigDict(extra="allow")

    error: Annotated[str | SkipJsonSchema[None], Field(json_schema_extra=without_default)] = None
    message: str


class Failure(BaseModel):
    """Any error of ours: a code for programs and a sentence for people, and where an invoice can be paid."""

    model_config = ConfigDict(extra="allow", validate_by_name=True)

    error: str
    message: str
    hosted_invoice_url: Annotated[
        str | SkipJsonSchema[None], Field(alias="hostedInvoiceUrl", json_schema_extra=without_default)
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
