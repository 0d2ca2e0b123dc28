"""The body of every error."""

from pydantic import BaseModel, ConfigDict


class Failure(BaseModel):
    """Any error: a code for programs and a sentence for people."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str
