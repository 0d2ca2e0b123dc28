"""What all bodies of replies have in common, and the kinds of fields that an address may hold."""

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Body(BaseModel):
    """The body of a reply, made of a value that has its fields: camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, extra="forbid", frozen=True, from_attributes=True
    )

    @classmethod
    def of(cls, value: object) -> Self:
        """Return the body that shows a value."""
        return cls.model_validate(value)


def _day(value: object) -> date:
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 date, for example 2025-11-03")  # noqa: TRY004 - pydantic's way
    return date.fromisoformat(value)


Day = Annotated[date, BeforeValidator(_day)]
Month = Annotated[str, Field(pattern="^[1-9][0-9]{3}-(0[1-9]|1[0-2])$")]


def without_default(schema: dict[str, Any]) -> None:
    """Say of a field that it may be left out, rather than null."""
    del schema["default"]
