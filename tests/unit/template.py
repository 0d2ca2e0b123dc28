"""template.yaml as CloudFormation gets it, and what tests ask of it."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from infra.processed_template import processed

type Tree = dict[str, Any]

STACK = {"Ref": "AWS::StackName"}


@cache
def template() -> Tree:
    """What CloudFormation gets."""
    return processed()


def resources(of: str) -> dict[str, Tree]:
    """The properties of the resources of a type."""
    found: dict[str, Tree] = template()["Resources"]
    return {name: each.get("Properties", {}) for name, each in found.items() if each["Type"] == of}


def parameter(name: str) -> Tree:
    """A parameter as it is declared."""
    declared: Tree = template()["Parameters"][name]
    return declared


def tuned(name: str) -> dict[str, int]:
    """A number that is turned in the template, by stage."""
    numbers: dict[str, str] = template()["Mappings"]["Tuning"][name]
    return {stage: int(each) for stage, each in numbers.items()}


def turned(name: str) -> Tree:
    """How the template refers to such a number."""
    return {"Fn::FindInMap": ["Tuning", name, {"Ref": "Stage"}]}


def takes(name: str, value: str) -> bool:
    """Whether CloudFormation takes a value for a parameter: the whole of it, or each of a list."""
    declared = parameter(name)
    values = value.split(",") if declared["Type"] == "CommaDelimitedList" else [value]
    return all(re.fullmatch(declared["AllowedPattern"], each) for each in values)


def holds(condition: object, parameters: Mapping[str, str | int]) -> object:
    """What a condition or a rule's assertion comes to."""
    match condition:
        case {"Ref": str(name)}:
            return parameters[name]
        case {"Fn::Equals": [left, right]}:
            return holds(left, parameters) == holds(right, parameters)
        case {"Fn::Not": [inner]}:
            return not holds(inner, parameters)
        case {"Fn::And": list(inner)}:
            return all(holds(each, parameters) for each in inner)
        case {"Fn::Or": list(inner)}:
            return any(holds(each, parameters) for each in inner)
    return condition


def refused(**given: str) -> list[str]:
    """What the template's rules say against a deployment with these parameters, the others being as usual."""
    usual = {name: str(each.get("Default", "")) for name, each in template()["Parameters"].items()}
    parameters = {**usual, **given}
    return [
        assertion["AssertDescription"]
        for rule in template()["Rules"].values()
        if holds(rule.get("RuleCondition", True), parameters)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], parameters)
    ]


def statements() -> Iterator[tuple[str, Tree]]:
    """Every statement of every role, SAM's own among them."""
    for name, role in resources("AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement
