"""The template as CloudFormation deployed it, its intrinsic functions resolved."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import boto3
from mypy_boto3_cloudformation.type_defs import StackTypeDef

from infra.local.errors import LocalError

# A template is a tree of JSON. Whoever takes a part of it checks that part against a model.
type Tree = dict[str, Any]


@dataclass(frozen=True)
class DeployedTemplate:
    """A stack's processed template, and the value of each name that it may refer to."""

    resources: Tree
    conditions: Tree
    mappings: Tree
    names: Mapping[str, object]

    @classmethod
    def read(cls, stack_name: str) -> Self:
        """Ask CloudFormation for it."""
        cloudformation = boto3.client("cloudformation")
        stack = cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]
        body = cloudformation.get_template(StackName=stack_name, TemplateStage="Processed")["TemplateBody"]
        template: Tree = json.loads(body) if isinstance(body, str) else dict(body)
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_name)
        ids = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
        }
        return cls(
            template["Resources"],
            template.get("Conditions", {}),
            template.get("Mappings", {}),
            _surroundings(stack) | _parameters(template, stack) | ids | _function_arns(template, stack, ids),
        )

    def physical_ids(self, resource_type: str) -> list[str]:
        """Physical ids of the stack's resources of this type; one whose condition is not met is not there."""
        return [
            str(self.names[name])
            for name, each in self.resources.items()
            if each["Type"] == resource_type and name in self.names  # a condition may have left it out
        ]

    def only(self, resource_type: str) -> tuple[str, Tree]:
        """Physical id and resolved properties of the stack's one resource of this type."""
        ((name, resource),) = (
            (name, resource) for name, resource in self.resources.items() if resource["Type"] == resource_type
        )
        return str(self.names[name]), self.resolve(resource["Properties"])

    def resolve(self, value: Any) -> Any:  # noqa: ANN401 - any part of the tree
        """A part of the template with the intrinsic functions in it replaced by their values."""
        match value:
            case list():
                return [self.resolve(item) for item in value]
            case dict() if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")):
                ((function, argument),) = value.items()
                return self._call(function, argument)
            case dict():
                return {key: self.resolve(item) for key, item in value.items()}
        return value

    def _call(self, function: str, argument: Any) -> Any:  # noqa: ANN401 - any part of the tree
        result: Any
        match function, argument:
            case "Ref", name:
                result = self.names[name]
            case "Fn::GetAtt", [resource, attribute]:
                result = self.names[f"{resource}.{attribute}"]
            case "Fn::Sub", str(text):
                result = re.sub(r"\$\{([^}!]+)\}", lambda name: str(self.names[name[1]]), text)
            case "Fn::Join", [glue, parts]:
                result = glue.join(self.resolve(parts))
            case "Fn::If", [condition, then, otherwise]:
                result = self.resolve(then if self.resolve(self.conditions[condition]) else otherwise)
            case "Fn::FindInMap", [mapping, first, second]:
                result = self.mappings[mapping][first][self.resolve(second)]
            case "Fn::Equals", [left, right]:
                result = self.resolve(left) == self.resolve(right)
            case "Fn::Not", [condition]:
                result = not self.resolve(condition)
            case _:
                raise LocalError(f"The local stack cannot resolve {function} of {argument}")
        return result


def _surroundings(stack: StackTypeDef) -> dict[str, object]:
    """CloudFormation's pseudo parameters."""
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    return {
        "AWS::AccountId": account,
        "AWS::NoValue": None,
        "AWS::Partition": partition,
        "AWS::Region": region,
        "AWS::StackName": stack["StackName"],
        "AWS::URLSuffix": "amazonaws.com",
    }


def _parameters(template: Tree, stack: StackTypeDef) -> dict[str, object]:
    given = {
        parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])
    }
    values = {
        name: given.get(name, declared.get("Default")) for name, declared in template["Parameters"].items()
    }
    lists = {
        name for name, declared in template["Parameters"].items() if declared["Type"] == "CommaDelimitedList"
    }
    return {name: value.split(",") if name in lists else value for name, value in values.items()}


def _function_arns(template: Tree, stack: StackTypeDef, ids: Mapping[str, str]) -> dict[str, object]:
    _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
    return {
        f"{name}.Arn": f"arn:{partition}:lambda:{region}:{account}:function:{ids[name]}"
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
