"""Where MiniStack reads a role's policies other than AWS does.

On AWS `sqs:SendMessage` allows SendMessageBatch too, and there is no action of that name; so it is with
ChangeMessageVisibility. MiniStack asks for them.
"""

import json
from collections.abc import Iterable

import boto3

BATCHED = ("sqs:ChangeMessageVisibility", "sqs:SendMessage")


def supply(role_names: Iterable[str]) -> None:
    """Let each role that may do something to one message also do it to a batch. Safe to repeat."""
    iam = boto3.client("iam")
    for role in role_names:
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            for statement in document["Statement"]:
                actions = _actions(statement["Action"])
                batches = [f"{each}Batch" for each in actions if each in BATCHED]
                statement["Action"] = [*actions, *(each for each in batches if each not in actions)]
            iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def _actions(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action
