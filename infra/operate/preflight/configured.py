"""What `sam deploy` is told: an environment of samconfig.toml, and what the template makes of it."""

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from infra.operate.checks import Check
from infra.operate.exits import UnfitError

AREA = "configuration"


@dataclass(frozen=True, slots=True)
class Configured:
    """An environment of samconfig.toml, as far as a deploy hangs on it."""

    stack_name: str
    region: str | None
    profile: str | None
    resolves_bucket: bool
    bucket: str | None
    given: Mapping[str, str]

    @classmethod
    def read(cls, file: Path, environment: str) -> Self:
        """Read it.

        Raises:
            UnfitError: there is no such file or environment, or it cannot be read.
        """
        try:
            every = tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise UnfitError(f"{file} cannot be read: {error}. `sam deploy --guided` writes one.") from error
        if environment not in every:
            known = ", ".join(name for name in every if name != "version")
            raise UnfitError(
                f"{file} has no environment {environment}, but {known}: choose with --config-env."
            )
        parameters = {
            **every[environment].get("global", {}).get("parameters", {}),
            **every[environment].get("deploy", {}).get("parameters", {}),
        }
        return cls(
            stack_name=str(parameters.get("stack_name", "")),
            region=parameters.get("region"),
            profile=parameters.get("profile"),
            resolves_bucket=bool(parameters.get("resolve_s3")),
            bucket=parameters.get("s3_bucket"),
            given=_overrides(parameters.get("parameter_overrides", [])),
        )


def fitting(configured: Configured, parameters: Mapping[str, Any]) -> Iterator[Check]:
    """See that the template would take what is given, by its own patterns and bounds."""
    named = bool(configured.stack_name)
    yield Check(AREA, "stack_name", named, "add stack_name to the environment's global parameters")
    for name in configured.given.keys() - parameters.keys():
        yield Check(AREA, name, is_well=False, found="the template has no such parameter: take it out")
    for name, described in parameters.items():
        value = configured.given.get(name, described.get("Default"))
        trouble = "it has no default: give it" if value is None else _trouble(str(value), described)
        yield Check(AREA, name, not trouble, trouble)


TUNED = {
    "ApiRequestsPerSecond": (10, 10_000),
    "StripeCallsPerSecond": (4, 100),
    "StripeEventConcurrency": (2, 10),
    "UsageTrackerConcurrency": (2, 100),
    "UsageBatchingWindow": (1, 60),
    "HoldHours": (12, 720),
}
"""From where to where each number of the template's mapping `Tuning` may be turned."""


def tuned(numbers: Mapping[str, Mapping[str, str]]) -> Iterator[Check]:
    """See that the numbers that are no parameters are what Lambda, Stripe and the code can do with."""
    for name, by_stage in numbers.items():
        described = dict(zip(("MinValue", "MaxValue"), TUNED[name], strict=True), Type="Number")
        for stage, value in by_stage.items():
            if trouble := _trouble(value, described):
                found = f"{trouble}: mend it in template.yaml, under Mappings"
                yield Check(AREA, f"{name} of {stage}", is_well=False, found=found)


def _trouble(value: str, described: Mapping[str, Any]) -> str:
    """Say why the template refuses a value; nothing if it takes it."""
    must = described.get("ConstraintDescription", "")
    is_list = described["Type"] == "CommaDelimitedList"
    if allowed := described.get("AllowedValues"):
        must = must or f"must be one of {', '.join(map(str, allowed))}"
        return "" if value in map(str, allowed) else f"{value!r} {must}"
    if pattern := described.get("AllowedPattern"):
        must = must or f"must match {pattern}"
        parts = value.split(",") if is_list else [value]
        return "" if all(re.search(pattern, each) for each in parts) else f"{value!r} {must}"
    if described["Type"] == "Number":
        least, most = float(described.get("MinValue", "-inf")), float(described.get("MaxValue", "inf"))
        is_well = re.fullmatch(r"-?\d+(\.\d+)?", value) and least <= float(value) <= most
        return "" if is_well else f"{value!r} must be a number from {least:g} to {most:g}"
    return ""


def _overrides(said: str | list[str] | dict[str, Any]) -> dict[str, str]:
    """Read parameter_overrides as SAM does: a text, a list of texts, or a table."""
    if isinstance(said, dict):
        return {name: str(value) for name, value in said.items()}
    texts = [said] if isinstance(said, str) else said
    pairs = (each.partition("=") for text in texts for each in shlex.split(text))
    return {name: value for name, _, value in pairs}
