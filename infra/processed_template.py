"""template.yaml as CloudFormation gets it, once SAM has turned it into plain resources.

`python -m infra.processed_template` prints it as JSON.
"""

import json
import sys
from typing import Any

import boto3
from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]

from infra.template import written

REGION = "us-east-1"


def processed(layer: str = "s3://bucket/key") -> dict[str, Any]:
    """Return what SAM makes of it; conditions and references stand in it as they are written.

    `layer` is where the layer was uploaded to, by a name that is made of what is in it.
    """
    template = written()
    # Local folders, which `sam build` would have replaced by what it has uploaded.
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource.get("Properties", {}):
                resource["Properties"][place] = "s3://bucket/key" if place == "CodeUri" else layer
    # Of AWS's own policies it uses none, so SAM need not know them.
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION))
    return dict(translator.translate(template, parameter_values={}))


if __name__ == "__main__":
    json.dump(processed(), sys.stdout, indent=2)
