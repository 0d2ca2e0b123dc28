"""What delivers: a workflow that deploys only what was tested, and roles that reach one stack alone."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from infra.local.places import ROOT
from infra.processed_template import processed
from infra.template import KEY, WEBHOOK_SECRET, secret_parameter
from tests.unit.template import template

type Tree = dict[str, Any]

NEEDED = {
    "AWS::ApiGatewayV2::Api": ("apigateway:POST", "apigateway:DELETE"),
    "AWS::ApiGatewayV2::Stage": ("apigateway:POST", "logs:CreateLogDelivery"),
    "AWS::Backup::BackupPlan": ("backup:CreateBackupPlan", "backup:DeleteBackupPlan"),
    "AWS::Backup::BackupSelection": ("backup:CreateBackupSelection", "iam:PassRole"),
    "AWS::Backup::BackupVault": ("backup:CreateBackupVault",),
    "AWS::CloudWatch::Alarm": ("cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"),
    "AWS::CloudWatch::Dashboard": ("cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"),
    "AWS::DynamoDB::Table": ("dynamodb:CreateTable", "dynamodb:UpdateTable"),
    "AWS::Events::EventBus": ("events:CreateEventBus", "events:DeleteEventBus"),
    "AWS::Events::Rule": ("events:PutRule", "events:PutTargets"),
    "AWS::IAM::Role": ("iam:CreateRole", "iam:PutRolePolicy", "iam:PassRole", "iam:DeleteRole"),
    "AWS::Lambda::EventInvokeConfig": ("lambda:PutFunctionEventInvokeConfig",),
    "AWS::Lambda::EventSourceMapping": ("lambda:CreateEventSourceMapping",),
    "AWS::Lambda::Function": ("lambda:CreateFunction", "lambda:UpdateFunctionCode"),
    "AWS::Lambda::LayerVersion": ("lambda:PublishLayerVersion", "lambda:DeleteLayerVersion"),
    "AWS::Lambda::Permission": ("lambda:AddPermission", "lambda:RemovePermission"),
    "AWS::Lambda::Url": ("lambda:CreateFunctionUrlConfig",),
    "AWS::Logs::LogGroup": ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
    "AWS::Logs::MetricFilter": ("logs:PutMetricFilter",),
    "AWS::SNS::Subscription": ("sns:Subscribe", "sns:Unsubscribe"),
    "AWS::SNS::Topic": ("sns:CreateTopic", "sns:DeleteTopic"),
    "AWS::SQS::Queue": ("sqs:CreateQueue", "sqs:SetQueueAttributes"),
    "AWS::SQS::QueuePolicy": ("sqs:SetQueueAttributes",),
    "AWS::Scheduler::Schedule": ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"),
}
"""What CloudFormation must be able to do for each type of resource in the template."""

NAMELESS = {
    "lambda:CreateEventSourceMapping",  # has a condition instead
    "logs:CreateLogDelivery",  # AWS knows no resource for these
    "cloudwatch:DescribeAlarms",
    "s3:GetObject",  # SAM's own bucket, whose name the account decides
    "s3:PutObject",
    "s3:GetBucketLocation",
    "cloudformation:CreateChangeSet",  # SAM's transform
    "cloudformation:DescribeStacks",  # the stack of that bucket
    "lambda:GetEventSourceMapping",
    "lambda:ListEventSourceMappings",
    "apigateway:GET",
    "ssm:GetParameter",  # secrets, which bear the name of the deployment
    "apigateway:DELETE",
    "events:CreateEventBus",  # Stripe's partner bus
    "backup:CreateBackupPlan",
    "backup-storage:MountCapsule",
}
"""The first action of each statement that may reach something without the stack's name, and why it must."""


SMOKED = {
    "describe_stacks": "cloudformation:DescribeStacks",
    "list_stack_resources": "cloudformation:ListStackResources",
    "get_function_configuration": "lambda:GetFunctionConfiguration",
    "invoke": "lambda:InvokeFunction",
    "list_event_source_mappings": "lambda:ListEventSourceMappings",
    "get_authorizers": "apigateway:GET",
    "get_routes": "apigateway:GET",
    "describe_table": "dynamodb:DescribeTable",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "get_schedule": "scheduler:GetSchedule",
    "describe_alarms": "cloudwatch:DescribeAlarms",
    "get_parameters": "ssm:GetParameters",
}
"""What `tollkeeper smoke` calls of AWS, and the right to it; `ssm:GetParameter` reads the secrets beside."""

CALLED = re.compile(r"\.((?:get|list|describe)_(?!paginator)\w+|invoke)\(|get_paginator\(\"(\w+)\"\)")


@cache
def delivery() -> Tree:
    """The template of the roles."""
    return dict(yaml_parse((ROOT / "infra" / "delivery.yaml").read_text()))


def statements(role: str) -> Iterator[tuple[list[str], list[object], Tree]]:
    """The actions, resources and condition of each statement of a role."""
    for policy in delivery()["Resources"][role]["Properties"]["Policies"]:
        for each in policy["PolicyDocument"]["Statement"]:
            action, resource = each["Action"], each["Resource"]
            yield (
                action if isinstance(action, list) else [action],
                resource if isinstance(resource, list) else [resource],
                each.get("Condition", {}),
            )


def workflow() -> Tree:
    """The workflow."""
    read: Tree = yaml.safe_load((ROOT / ".github" / "workflows" / "deliver.yml").read_text())
    return read


def commands() -> str:
    """All that the workflow and its action run."""
    files = [*(ROOT / ".github").rglob("*.yml")]
    return "\n".join(file.read_text() for file in files)


class TestRoles:
    """What a run of the workflow may do."""

    def test_only_its_environment_comes_in(self) -> None:
        """By a token of GitHub's that names repository and environment, and nothing looser."""
        role = delivery()["Resources"]["DeployRole"]["Properties"]
        (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": {
                    "Fn::Sub": "repo:${Repository}:environment:${Environment}"
                },
            }
        } == trusted["Condition"]

    @pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
    def test_actions_are_single_ones(self, role: str) -> None:
        """None that stands for several, and none of AWS's own policies."""
        assert [] == [each for actions, _, _ in statements(role) for each in actions if "*" in each]
        assert "ManagedPolicyArns" not in delivery()["Resources"][role]["Properties"]

    @pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
    def test_they_reach_the_stack_alone(self, role: str) -> None:
        """Whatever has a name must have the stack's; what has none is named above, with its reason."""
        for actions, reached, condition in statements(role):
            elsewhere = [each for each in reached if "${StackName}" not in str(each)]
            if elsewhere and "iam:PassRole" not in actions:
                assert actions[0] in NAMELESS, actions
            assert elsewhere != ["*"] or condition or actions[0] in NAMELESS

    def test_a_role_is_handed_to_whom_it_is_for(self) -> None:
        """Else a run of the workflow could give its functions' rights to anything."""
        handed = [
            condition
            for role in ("DeployRole", "ExecutionRole")
            for actions, _, condition in statements(role)
            if "iam:PassRole" in actions
        ]
        assert 2 == len(handed)
        assert all("iam:PassedToService" in each["StringEquals"] for each in handed)

    def test_nobody_deletes_the_table(self) -> None:
        """The books outlive a stack."""
        may = {
            each
            for role in ("DeployRole", "ExecutionRole")
            for found in statements(role)
            for each in found[0]
        }
        assert "dynamodb:DeleteTable" not in may

    def test_cloudformation_can_make_all_that_the_template_has(self) -> None:
        """A new type of resource needs rights here, or the next delivery fails."""
        may = {each for found in statements("ExecutionRole") for each in found[0]}
        types = {each["Type"] for each in template()["Resources"].values()}
        assert types <= NEEDED.keys()
        assert set() == {each for of in types for each in NEEDED[of]} - may

    def test_the_smoke_test_may_look_at_all_that_it_looks_at(self) -> None:
        """Else each delivery would end red, however well the stack is."""
        operate = ROOT / "infra" / "operate"
        files = [*(operate / "smoke").glob("*.py"), operate / "stacks.py"]
        called = {a or b for file in files for a, b in CALLED.findall(file.read_text())}
        assert SMOKED.keys() == called
        may = {each for found in statements("DeployRole") for each in found[0]}
        assert {*SMOKED.values(), "ssm:GetParameter"} <= may

    def test_it_reads_the_secrets_of_its_own_deployment_alone(self) -> None:
        """By the names that the template gives them, whatever the stage."""
        ((_, (reached,), _),) = (each for each in statements("DeployRole") if "ssm:GetParameter" in each[0])
        assert isinstance(reached, dict)
        pattern, names = reached["Fn::Sub"]
        assert {"Name": {"Fn::If": ["IsNamedAtStripe", {"Ref": "Deployment"}, {"Ref": "StackName"}]}} == names
        for secret in (KEY, WEBHOOK_SECRET):
            name = f":parameter{secret_parameter('dev', '${Name}', secret)}"
            assert fnmatch(name, ":" + pattern.rpartition(":")[2])


class TestWorkflow:
    """What happens to a change."""

    def test_prod_comes_after_dev_and_dev_after_the_tests(self) -> None:
        """Each in an environment of its own, in which GitHub asks for approvals."""
        jobs = workflow()["jobs"]
        assert ("test", "dev") == (jobs["dev"]["needs"], jobs["prod"]["needs"])
        assert ("dev", "prod") == (jobs["dev"]["environment"], jobs["prod"]["environment"])
        assert "refs/heads/main" in jobs["dev"]["if"]

    def test_only_who_deploys_gets_a_token(self) -> None:
        """The code of a pull request runs without."""
        jobs = workflow()["jobs"]
        with_token = {name for name, job in jobs.items() if "id-token" in job.get("permissions", {})}
        assert {"dev", "prod"} == with_token
        assert {"contents": "read"} == workflow()["permissions"]

    def test_two_deliveries_of_one_stack_wait_for_each_other(self) -> None:
        """And stacks and configurations are samconfig's."""
        jobs = workflow()["jobs"]
        assert len({jobs[each]["concurrency"] for each in ("dev", "prod")}) == 2
        config = (ROOT / "samconfig.toml").read_text()
        for job in ("dev", "prod"):
            given = jobs[job]["steps"][-1]["with"]
            assert f'[{given["configuration"]}.global.parameters]\nstack_name = "{given["stack"]}"' in config

    def test_what_it_runs_is_there(self) -> None:
        """Targets of make; what follows a deployment is the smoke test."""
        targets = re.findall(r"run: make ([a-z-]+)", commands())
        makefile = (ROOT / "Makefile").read_text()
        assert {"lint-template", "sbom", "build", "smoke"} == {*targets}
        assert [] == [
            each
            for each in targets
            if each != "smoke" and not re.search(rf"^{each}:", makefile, re.MULTILINE)
        ]

    def test_no_secret_is_stored_at_github(self) -> None:
        """It signs in by its token, and Stripe's keys stay in SSM."""
        assert "secrets." not in commands()
        assert "AWS_ACCESS_KEY_ID" not in commands()


class TestLayer:
    """A change of the layer alone reaches the functions."""

    def test_each_function_names_the_layers_version(self) -> None:
        """Its name in the template is made of what is in it, so that another layer is another version."""
        versions = []
        for content in ("s3://bucket/former", "s3://bucket/later"):
            made = processed(layer=content)["Resources"]
            (layer,) = (name for name, each in made.items() if each["Type"] == "AWS::Lambda::LayerVersion")
            functions = (each for each in made.values() if each["Type"] == "AWS::Lambda::Function")
            assert [[{"Ref": layer}]] * 17 == [each["Properties"]["Layers"] for each in functions]
            versions.append(layer)
        assert 2 == len({*versions})

    def test_no_alias_holds_a_function_back(self) -> None:
        """An alias would go on showing the version that the former layer is in."""
        types = {each["Type"] for each in template()["Resources"].values()}
        assert set() == types & {"AWS::Lambda::Alias", "AWS::Lambda::Version"}
