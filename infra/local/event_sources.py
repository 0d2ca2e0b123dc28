"""Where MiniStack takes for a text what CloudFormation makes a number of: a parameter of the template."""

import boto3

from infra.local.deployed import DeployedTemplate


def supply(template: DeployedTemplate) -> None:
    """Give the functions' queues their windows and concurrencies as numbers. Safe to repeat."""
    functions = boto3.client("lambda")
    for name, resource in template.resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::EventSourceMapping" and "ScalingConfig" in properties:
            scaling = template.resolve(properties["ScalingConfig"])
            functions.update_event_source_mapping(
                UUID=str(template.names[name]),
                MaximumBatchingWindowInSeconds=int(
                    template.resolve(properties.get("MaximumBatchingWindowInSeconds", 0))
                ),
                ScalingConfig={"MaximumConcurrency": int(scaling["MaximumConcurrency"])},
            )
