"""template.yaml as CloudFormation gets it, once SAM has turned it into plain resources.

`python -m infra.processed_template` prints it as JSON.
"""

import json
import sys
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]
REGION = "us-east-1"


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


def processed() -> dict[str, Any]:
    """Return what SAM makes of it; conditions and references stand in it as they are written."""
    template = written()
    # Local folders, which `sam build` would have replaced by what it has uploaded.
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://bucket/key"
    # Of AWS's own policies it uses none, so SAM need not know them.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return dict(translator.translate(template, parameter_values={}))


if __name__ == "__main__":
    json.dump(processed(), sys.stdout, indent=2)
