"""template.yaml as it is written."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what they stand for: `!Ref A` as `{"Ref": "A"}`."""


def _long_form(loader: _Template, name: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            value: Any = loader.construct_scalar(node)
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Template.add_multi_constructor("!", _long_form)


def written() -> dict[str, Any]:
    """Return template.yaml with every short form written out."""
    read: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _Template)  # noqa: S506 - a SafeLoader
    return read


KEY, WEBHOOK_SECRET = "stripe-secret-key", "stripe-webhook-secret"


def secret_parameter(stage: str, deployment: str, secret: str) -> str:
    """Return the SSM parameter that holds one of a deployment's secrets: the name that the template makes."""
    return f"/tollkeeper/{stage}/{deployment}/{secret}"
