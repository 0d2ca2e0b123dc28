"""The bodies of errors, ours and API Gateway's."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema


def _without_default(schema: dict[str, Any]) -> None:
    """Say that a field may be left out, rather than null."""
    del schema["default"]


class GatewayFailure(BaseModel):
    """An error that API Gateway may answer in our place: it says a sentence alone, only we a code too."""

    model_config = ConfigDict(extra="allow")

    error: Annotated[str | SkipJsonSchema[None], Field(json_schema_extra=_without_default)] = None
    message: str


class Failure(BaseModel):
    """Any error of ours: a code for programs and a sentence for people."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str
