"""Where MiniStack reads a role's policies other than AWS does.

On AWS `sqs:SendMessage` allows SendMessageBatch too, and there is no action of that name. MiniStack asks for
one.
"""

import json
from collections.abc import Iterable

import boto3

SEND = "sqs:SendMessage"
SEND_BATCH = "sqs:SendMessageBatch"


def supply(role_names: Iterable[str]) -> None:
    """Let each role that may send to a queue also send batches to it. Safe to repeat."""
    iam = boto3.client("iam")
    for role in role_names:
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            sending = [each for each in document["Statement"] if SEND in _actions(each["Action"])]
            for statement in sending:
                statement["Action"] = [*_actions(statement["Action"]), SEND_BATCH]
            if sending:
                iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(document))


def _actions(action: str | list[str]) -> list[str]:
    return [action] if isinstance(action, str) else action
