"""The stack that a command works on: found by its name, here or deployed, with what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Self

import boto3
from botocore.exceptions import ClientError
from stripe import StripeClient

from infra.local import aws, sam
from infra.local.errors import LocalError
from infra.local.places import Home
from infra.operate.exits import UnfitError
from tollkeeper.catalogue import Catalogue, load
from tollkeeper.clock import Clock, clock
from tollkeeper.ledger.dynamo import DynamoTable
from tollkeeper.ledger.table import Table
from tollkeeper.secrets import Secrets
from tollkeeper.settings import Settings
from tollkeeper.stripe.gateway import StripeGateway, connect, is_live

DEFAULT_STACK = "tollkeeper-dev"
LOCAL = "local"
PROD = "prod"

STRIPE_PATIENCE_SECONDS = 30.0
"""Of waiting in one call while Stripe limits calls."""


class Resource(NamedTuple):
    """One thing that a stack is made of: AWS's name of its type, and its own."""

    type: str
    physical_id: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it, and the addresses at which it answers."""

    name: str
    status: str
    parameters: Mapping[str, str]
    resources: Mapping[str, Resource]
    api: str
    webhook: str

    @classmethod
    def find(cls, name: str) -> Self:
        """Find a stack by its name, in the account and region that AWS's own settings choose.

        Raises:
            UnfitError: there is none.
        """
        here = _enter_local() if name == LOCAL else None
        called = sam.STACK_NAME if here else name
        formation = boto3.client("cloudformation")
        try:
            found = formation.describe_stacks(StackName=called)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationError":
                raise
            raise UnfitError(
                f"There is no stack {called} in {formation.meta.region_name}: deploy it, or name another "
                "with --stack (STACK=…); AWS_REGION and AWS_PROFILE choose where to look."
            ) from error
        pages = formation.get_paginator("list_stack_resources").paginate(StackName=called)
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        return cls(
            name=called,
            status=found["StackStatus"],
            parameters={each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
            resources={
                each["LogicalResourceId"]: Resource(each["ResourceType"], each.get("PhysicalResourceId", ""))
                for page in pages
                for each in page["StackResourceSummaries"]
            },
            api=here.api if here else outputs.get("ApiUrl", ""),
            webhook=here.webhook if here else outputs.get("WebhookUrl", ""),
        )

    def physical_id(self, logical_id: str) -> str:
        """Return what a resource is called in AWS, by its name in template.yaml.

        Raises:
            UnfitError: the stack has no such resource.
        """
        if logical_id not in self.resources:
            raise UnfitError(f"{self.name} has no {logical_id}: deploy it again, from this version.")
        return self.resources[logical_id].physical_id

    def of_type(self, resource_type: str) -> dict[str, str]:
        """Return what all resources of a type are called in AWS, by their names in template.yaml."""
        return {name: each.physical_id for name, each in self.resources.items() if each.type == resource_type}

    def settings(self) -> Settings:
        """Return what the stack's functions are told: the sweep is told all that any is."""
        found = boto3.client("lambda").get_function_configuration(FunctionName=self.physical_id("Sweep"))
        return Settings.from_environment(found["Environment"]["Variables"])

    def require_said(self, *, prod: bool, live: bool = False) -> None:
        """See that production is changed by those alone who say so; `live` is whether Stripe's key is.

        Raises:
            UnfitError: it is production, or the key is live, and they do not.
        """
        if not prod and (live or self.parameters.get("Stage") == PROD):
            why = "has a live key" if live else "is production"
            raise UnfitError(f"{self.name} {why}: add --prod (PROD=1) if you mean real customers.")


@dataclass(frozen=True, slots=True)
class Deployed:
    """A stack from inside, as its functions have it: settings, table, key and clock.

    `client` is the SDK's, for what the gateway does not do.
    """

    settings: Settings
    table: Table
    client: StripeClient
    stripe: StripeGateway
    catalogue: Catalogue
    clock: Clock
    is_live: bool = False


def deployed(stack: Stack) -> Deployed:
    """Return a stack from inside, under its own key.

    Raises:
        SettingsError: the stack lacks a key, or has one of the other mode than its stage's.
        CatalogueError: the catalogue file cannot be read.
    """
    mine = stack.settings()
    secret_key = Secrets(boto3.client("ssm")).read(mine.stripe_secret_key_parameter)
    mine.require_fitting(secret_key)
    catalogue = load()
    client = connect(
        secret_key,
        mine.stripe_api_base,
        patience_seconds=STRIPE_PATIENCE_SECONDS,
        calls_per_second=mine.stripe_calls_per_second,
    )
    return Deployed(
        settings=mine,
        table=DynamoTable(boto3.client("dynamodb"), mine.table_name),
        client=client,
        stripe=StripeGateway(client, catalogue, mine.deployment, livemode=is_live(secret_key)),
        catalogue=catalogue,
        clock=clock(mine.sandbox_clock_url),
        is_live=is_live(secret_key),
    )


class _Addresses(NamedTuple):
    api: str
    webhook: str


def _enter_local() -> _Addresses:
    """Turn to the stack on this machine, and return where it answers.

    Raises:
        UnfitError: none is running.
    """
    try:
        here = Home.chosen().stack
    except LocalError as error:
        raise UnfitError(str(error)) from error
    aws.enter(here.awsEndpoint)
    return _Addresses(here.api, here.webhook)
