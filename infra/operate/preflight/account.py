"""What a deploy needs of the account, and of the OIDC provider."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import boto3
import httpx
from botocore.exceptions import ClientError

from infra.operate.checks import Check
from infra.operate.preflight.configured import Configured
from tollkeeper.settings import Stage, fitting_keys

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_ssm import SSMClient

UNRESERVED = 100
"""Concurrent executions that AWS leaves to functions that reserve none."""

TIMEOUT_SECONDS = 10.0


def bucket(configured: Configured) -> Iterator[Check]:
    """See that there is a bucket to upload to, or that SAM makes one."""
    if configured.resolves_bucket or not configured.bucket:
        found = "add resolve_s3 = true to the environment's deploy parameters, and SAM makes a bucket"
        yield Check("account", "a bucket to upload to", configured.resolves_bucket, found)
        return
    try:
        boto3.client("s3").head_bucket(Bucket=configured.bucket)
    except ClientError as error:
        found = f"{error}: make it, name another as s3_bucket, or say resolve_s3 = true instead"
        yield Check("account", f"bucket {configured.bucket}", is_well=False, found=found)
    else:
        yield Check("account", f"bucket {configured.bucket}", is_well=True)


def concurrency(client: "LambdaClient", wanted: int, already: int) -> Iterator[Check]:
    """See that the webhook can reserve its share of the account's concurrent executions.

    `already` is what this very stack has reserved: a deploy does not take that again.
    """
    limits = client.get_account_settings()["AccountLimit"]
    limit, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    left = free + already - wanted
    is_well = not wanted or left >= UNRESERVED
    found = (
        f"of the account's {limit}, {left} would be left, and AWS wants {UNRESERVED}: deploy with "
        "WebhookConcurrency=0 (among parameter_overrides) until AWS has raised the limit (Service Quotas, "
        "AWS Lambda, Concurrent executions)"
    )
    said = f"reserves {wanted} of {limit} concurrent executions" if wanted else "reserves no concurrency"
    yield Check("account", f"the webhook {said}", is_well, found)


def key(client: "SSMClient", parameter: str, stage: str) -> Iterator[Check]:
    """See that Stripe's key, if it is stored already, is of the stage's mode."""
    try:
        stored = client.get_parameter(Name=parameter, WithDecryption=True)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        yield Check("stripe", f"no key in {parameter} yet: `tollkeeper stripe apply` stores it", is_well=True)
        return
    fitting = fitting_keys(Stage(stage))
    found = f"it is of the other mode: for {stage} store one that begins with {' or '.join(fitting)}"
    yield Check("stripe", f"the key in {parameter}", stored.startswith(fitting), found)


def issuer(client: httpx.Client, url: str) -> Iterator[Check]:
    """See that the issuer is an OIDC provider, which calls itself just that."""
    answer = client.get(f"{url.rstrip('/')}/.well-known/openid-configuration", timeout=TIMEOUT_SECONDS)
    try:
        said: object = answer.json()
    except ValueError:
        said = None
    named = said.get("issuer") if isinstance(said, Mapping) else None
    found = (
        f"it calls itself {named}: write TokenIssuer just so"
        if named
        else f"it answers {answer.status_code} where it should describe itself: is TokenIssuer right?"
    )
    yield Check("issuer", f"{url} signs tokens", named == url, found)


def reserved_by(client: "LambdaClient", stack_name: str) -> int:
    """Return what a stack has reserved; nothing if it is not deployed."""
    try:
        function = boto3.client("cloudformation").describe_stack_resource(
            StackName=stack_name, LogicalResourceId="StripeWebhook"
        )["StackResourceDetail"]["PhysicalResourceId"]
    except ClientError:
        return 0
    found = client.get_function_concurrency(FunctionName=function)
    return found.get("ReservedConcurrentExecutions", 0)
