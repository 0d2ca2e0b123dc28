"""What must hold of template.yaml, as it is written and as SAM processes it."""

import re
import tomllib
from collections.abc import Iterator

import pytest

from infra.operate.preflight.configured import TUNED
from infra.template import KEY, ROOT, WEBHOOK_SECRET, secret_parameter, written
from tests.unit.template import (
    STACK,
    holds,
    parameter,
    refused,
    resources,
    statements,
    takes,
    template,
    tuned,
)
from tollkeeper.rules.offers import LEAST_LIFETIME

NAMES = {
    "AWS::ApiGatewayV2::Api": "Name",
    "AWS::ApiGatewayV2::Stage": None,
    "AWS::Backup::BackupPlan": None,
    "AWS::Backup::BackupSelection": None,
    "AWS::Backup::BackupVault": "BackupVaultName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::EventInvokeConfig": None,
    "AWS::Lambda::EventSourceMapping": None,
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Lambda::LayerVersion": "LayerName",
    "AWS::Lambda::Permission": None,
    "AWS::Lambda::Url": None,
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::Logs::MetricFilter": "FilterName",
    "AWS::SNS::Subscription": None,
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::SQS::QueuePolicy": None,
    "AWS::Scheduler::Schedule": "Name",
}
"""The property by which each type of resource is named in its account; None for those without such a name."""


class TestSeveralStacks:
    """Two stacks in one account do not meet."""

    def test_nothing_has_a_fixed_name(self) -> None:
        """What is named bears the stack's name, or the partner's whose bus it is."""
        fixed = {}
        for name, resource in template()["Resources"].items():
            by = NAMES[resource["Type"]]
            given = resource.get("Properties", {}).get(by) if by else None
            if given not in (None, STACK, {"Ref": "StripeEventSource"}):
                fixed[name] = given
        assert {} == fixed

    def test_each_metric_is_of_its_stack(self) -> None:
        """Functions tell their metrics under the stack's name, and alarms listen to that."""
        told = {
            name: each["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
            for name, each in resources("AWS::Lambda::Function").items()
        }
        assert {} == {name: service for name, service in told.items() if service != STACK}
        for alarm in resources("AWS::CloudWatch::Alarm").values():
            if alarm.get("Namespace") == "Tollkeeper":
                assert [{"Name": "service", "Value": STACK}] == alarm["Dimensions"]

    def test_customers_at_stripe_are_of_a_deployment(self) -> None:
        """Its name is the stack's unless given, so that a stack restored under another one keeps them."""
        expected = {"Fn::If": ["IsNamedAtStripe", {"Ref": "Deployment"}, STACK]}
        for function in resources("AWS::Lambda::Function").values():
            assert expected == function["Environment"]["Variables"]["DEPLOYMENT"]
        condition = template()["Conditions"]["IsNamedAtStripe"]
        assert [False, True] == [holds(condition, {"Deployment": name}) for name in ("", "shop")]


class TestDeploying:
    """What cannot work does not deploy."""

    @pytest.mark.parametrize(
        "issuer",
        [
            "https://clerk.mysaas.io",
            "https://mysaas.eu.auth0.com/",
            "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf",
            "https://login.exemplary.io/realms/example",
            "http://127.0.0.1:40123/_issuer",
        ],
    )
    def test_an_issuer_is_taken(self, issuer: str) -> None:
        """An https URL, or that of the local stack, which nobody else can reach."""
        assert takes("TokenIssuer", issuer)

    @pytest.mark.parametrize(
        "issuer",
        [
            "",
            "clerk.mysaas.io",
            "http://clerk.mysaas.io",
            "http://127.0.0.1.evil.io:80/_issuer",
            "https://",
            "https://issuer",
            "https://localhost/",
            "https://example.com",
            "https://clerk.example.com",
            "https://example.clerk.accounts.dev",
            "https://<your>.clerk.accounts.dev",
            "https://….auth0.com/",
            "https://clerk.yourdomain.com",
            "https://clerk.mysaas.io https://other",
        ],
    )
    def test_no_placeholder_is_an_issuer(self, issuer: str) -> None:
        """The API would be made without its authorizers."""
        assert not takes("TokenIssuer", issuer)

    @pytest.mark.parametrize(
        ("origins", "expected"),
        [
            ("https://app.mysaas.io,http://localhost:3000", True),
            ("", True),
            ("https://app.example.com", False),
            ("https://app.mysaas.io,https://app.example.com", False),
            ("https://app.mysaas.io/", False),
            ("http://app.mysaas.io", False),
            ("*", False),
        ],
    )
    def test_origins_are_ones_own(self, origins: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the table
        """Each of the list."""
        assert expected == takes("AllowedOrigins", origins)

    def test_what_samconfig_is_delivered_with_deploys_nowhere(self) -> None:
        """Its issuers stand for others, and the template says where to put the right ones."""
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())
        for environment in ("default", "prod"):
            given = dict(
                each.split("=", 1)
                for each in config[environment]["deploy"]["parameters"]["parameter_overrides"]
            )
            assert not takes("TokenIssuer", given["TokenIssuer"])
            assert "samconfig.toml" in parameter("TokenIssuer")["ConstraintDescription"]

    @pytest.mark.parametrize(("environment", "stage"), [("default", "dev"), ("prod", "prod")])
    def test_a_deploy_has_what_it_needs(self, environment: str, stage: str) -> None:
        """A stack's name, a bucket, the right to make roles, and each parameter that has no default."""
        config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
        deploy = config["deploy"]["parameters"]
        given = dict(each.split("=", 1) for each in deploy["parameter_overrides"])
        needed = {name for name, each in template()["Parameters"].items() if "Default" not in each}
        assert needed <= given.keys() <= template()["Parameters"].keys()
        assert (True, "CAPABILITY_IAM", stage) == (
            deploy["resolve_s3"],
            deploy["capabilities"],
            given["Stage"],
        )
        assert config["global"]["parameters"]["stack_name"]
        assert [] == refused(**given)

    def test_little_is_asked(self) -> None:
        """`sam deploy --guided` asks for every parameter, in order: first what nobody else can know."""
        asked = template()["Parameters"]
        assert 21 == len(asked)
        assert ["TokenIssuer", "AllowedOrigins"] == [
            name for name, each in asked.items() if "Default" not in each
        ]
        assert ["Stage", "TokenIssuer", "AllowedOrigins", "AlarmEmail"] == [*asked][:4]
        for name, each in asked.items():
            is_bounded = {"AllowedPattern", "AllowedValues"} & {*each} or {"MinValue", "MaxValue"} <= {*each}
            assert is_bounded, f"{name} takes any nonsense"
            assert each["Description"].endswith("."), f"{name} is not described in sentences"

    def test_what_is_turned_is_turned_by_stage(self) -> None:
        """Each number is there for every stage, within its bounds, and the comment above it names them."""
        numbers, text = template()["Mappings"]["Tuning"], (ROOT / "template.yaml").read_text()
        assert TUNED.keys() == numbers.keys()
        for name, (least, most) in TUNED.items():
            assert {*parameter("Stage")["AllowedValues"]} == {*numbers[name]}
            assert all(least <= each <= most for each in tuned(name).values())
            comment = re.sub(r"\s+# ", " ", text.partition(f"\n    {name}: ")[0].rpartition("}\n")[2])
            assert f"({least:,} to {most:,})" in comment
            assert "urn it up" in comment

    def test_each_stage_has_secrets_of_its_own(self) -> None:
        """Their names are made of stage and deployment, so that prod cannot be given dev's."""
        name = {"Name": {"Fn::If": ["IsNamedAtStripe", {"Ref": "Deployment"}, STACK]}}
        made = {secret: secret_parameter("${Stage}", "${Name}", secret) for secret in (KEY, WEBHOOK_SECRET)}
        for function in resources("AWS::Lambda::Function").values():
            told = function["Environment"]["Variables"]
            assert {"Fn::Sub": [made[KEY], name]} == told["STRIPE_SECRET_KEY_PARAMETER"]
            assert {"Fn::Sub": [made[WEBHOOK_SECRET], name]} == told["STRIPE_WEBHOOK_SECRET_PARAMETER"]
        arn = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
        read = {
            role: statement["Resource"]
            for role, statement in statements()
            if statement["Action"] == "ssm:GetParameter"
        }
        assert {"Fn::Sub": [f"{arn}{made[WEBHOOK_SECRET]}", name]} == read.pop("StripeWebhookRole")
        assert read
        assert all({"Fn::Sub": [f"{arn}{made[KEY]}", name]} == each for each in read.values())

    def test_prod_runs_on_real_time_and_real_stripe(self) -> None:
        """A stand-in, which also tells the time, cannot be set there."""
        assert [] == refused(Stage="prod")
        stand_in = {"StripeApiBase": "https://stand-in.test"}
        assert ["StripeApiBase is for other stages than prod."] == refused(Stage="prod", **stand_in)
        assert [] == refused(Stage="dev", **stand_in)
        clock = {"Fn::If": ["HasStandIn", {"Fn::Sub": "${StripeApiBase}/_sandbox/clock"}, ""]}
        for function in resources("AWS::Lambda::Function").values():
            assert clock == function["Environment"]["Variables"]["SANDBOX_CLOCK_URL"]
        condition = template()["Conditions"]["HasStandIn"]
        assert [False, True] == [
            holds(condition, {"StripeApiBase": each}) for each in ("", *stand_in.values())
        ]

    def test_users_are_no_services(self) -> None:
        """One audience for both would let a user's token in where a back end's is asked for."""
        assert 1 == len(refused(UserAudience="same", ServiceAudience="same"))

    def test_an_api_without_its_authorizers_is_not_made(self) -> None:
        """API Gateway would leave out what it cannot make, and say nothing."""
        (api,) = resources("AWS::ApiGatewayV2::Api").values()
        assert api["FailOnWarnings"] is True
        schemes = api["Body"]["components"]["securitySchemes"]
        named = {
            name
            for path in api["Body"]["paths"].values()
            for operation in path.values()
            for requirement in operation.get("security", [])
            for name in requirement
        }
        assert set(schemes) == named

    def test_the_services_scope_is_a_parameter(self) -> None:
        """Whatever a provider calls it."""
        (api,) = resources("AWS::ApiGatewayV2::Api").values()
        operation = api["Body"]["paths"]["/usage"]["post"]
        assert [{"ServiceToken": [{"Ref": "ServiceScope"}]}] == operation["security"]
        assert takes("ServiceScope", "tollkeeper/billing")
        assert "billing:service" == parameter("ServiceScope")["Default"]

    @pytest.mark.parametrize(("value", "expected"), [(0, False), (10, True)])
    def test_an_account_may_have_nothing_to_reserve(self, value: int, expected: bool) -> None:  # noqa: FBT001 - a parameter of the table
        """A new one has ten executions in all, and none to reserve: then the parameter is 0."""
        webhook = resources("AWS::Lambda::Function")["StripeWebhook"]
        reserved = {"Fn::If": ["ReservesConcurrency", {"Ref": "WebhookConcurrency"}, {"Ref": "AWS::NoValue"}]}
        assert reserved == webhook["ReservedConcurrentExecutions"]
        condition = template()["Conditions"]["ReservesConcurrency"]
        assert expected == holds(condition, {"WebhookConcurrency": value})
        # Lambda reserves what leaves a hundred to all other functions.
        declared = parameter("WebhookConcurrency")
        assert 0 == declared["MinValue"]
        assert f"fewer than {100 + int(declared['Default'])} to give" in declared["Description"]


class TestRights:
    """Each function may do what its code does, and nothing else."""

    def test_no_role_has_rights_beyond_the_stack(self) -> None:
        """Single actions on single resources; none of AWS's policies, which hold for all of an account."""
        assert {} == {
            name: role for name, role in resources("AWS::IAM::Role").items() if "ManagedPolicyArns" in role
        }
        assert [] == [
            (name, statement)
            for name, statement in statements()
            if "*" in str(statement["Action"])
            or statement["Resource"] == "*"
            or isinstance(statement["Resource"], list)
        ]

    def test_each_function_has_a_role_of_its_own(self) -> None:
        """No function can do what only another one needs."""
        for name, function in resources("AWS::Lambda::Function").items():
            assert {"Fn::GetAtt": [f"{name}Role", "Arn"]} == function["Role"]

    @pytest.mark.parametrize(
        ("role", "action"),
        [
            ("UsageTrackerRole", "sqs:ChangeMessageVisibility"),
            ("ReporterRole", "sqs:GetQueueAttributes"),
            ("ReporterRole", "dynamodb:Query"),
            ("SubscriptionsRole", "dynamodb:BatchGetItem"),
            ("CheckoutRole", "dynamodb:BatchGetItem"),
            ("StripeEventsRole", "dynamodb:BatchGetItem"),
            ("AnnouncerRole", "sqs:SendMessage"),
            ("UsageMirrorRole", "dynamodb:Query"),
            ("UsageMirrorRole", "dynamodb:BatchGetItem"),
            ("UsageMirrorRole", "dynamodb:UpdateItem"),
        ],
    )
    def test_what_the_code_calls_is_allowed(self, role: str, action: str) -> None:
        """No emulator asks for all of these."""
        assert action in {
            each
            for name, statement in statements()
            if name == role
            for each in (
                [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
            )
        }


TABLES = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table"


class TestTable:
    """The books outlive mistakes, and go on in a table that was restored."""

    def test_nobody_deletes_it_by_mistake(self) -> None:
        """Neither with the stack, nor in prod by itself; any second of the last 35 days can be restored."""
        table = template()["Resources"]["Table"]
        assert ("RetainExceptOnCreate", "Retain") == (table["DeletionPolicy"], table["UpdateReplacePolicy"])
        assert {"Fn::If": ["IsProduction", True, False]} == table["Properties"]["DeletionProtectionEnabled"]
        recovery = table["Properties"]["PointInTimeRecoverySpecification"]
        assert {"PointInTimeRecoveryEnabled": True} == recovery
        condition = template()["Conditions"]["IsProduction"]
        assert [False, True] == [holds(condition, {"Stage": stage}) for stage in ("dev", "prod")]

    def test_a_restored_table_takes_its_place_everywhere(self) -> None:
        """Where the stack's own stands, in rights, environment, stream and outputs, the other can stand."""
        named = {
            name: text
            for name, text in _texts(template()["Resources"] | {"Outputs": template()["Outputs"]})
            if re.search(r"'(Ref|Fn::GetAtt|Fn::Sub)': (\[?'Table'|'\$\{Table\.)", text)
        }
        assert named
        assert {} == {
            name: text
            for name, text in named.items()
            if not text.startswith("{'Fn::If': ['MakesTable', ") or "ExistingTable" not in text
        }
        assert "MakesTable" == template()["Resources"]["Table"]["Condition"]
        condition = template()["Conditions"]["MakesTable"]
        assert [True, False] == [
            holds(condition, {"ExistingTable": each}) for each in ("", "restored/stream/1")
        ]

    def test_its_stream_is_told_with_it(self) -> None:
        """Without it nothing would be announced."""
        assert takes("ExistingTable", "restored/stream/2026-11-28T05:00:00.000")
        assert not takes("ExistingTable", "restored")
        source = resources("AWS::Lambda::EventSourceMapping")["AnnouncerStream"]["EventSourceArn"]
        assert {"Fn::Sub": f"{TABLES}/${{ExistingTable}}"} == source["Fn::If"][2]
        name = {"Fn::Select": [0, {"Fn::Split": ["/", {"Ref": "ExistingTable"}]}]}
        told = resources("AWS::Lambda::Function")["Quota"]["Environment"]["Variables"]["TABLE_NAME"]
        assert name == told["Fn::If"][2]

    def test_backups_are_kept_if_they_are_asked_for(self) -> None:
        """For as long as is said, of the table that is in use, and by a role that can do no more."""
        assert 0 == parameter("BackupDays")["Default"]
        backups = {name for name in template()["Resources"] if name.startswith("Backup")}
        assert {"BackupVault", "BackupPlan", "BackupSelection", "BackupRole"} == backups
        assert {"KeepsBackups"} == {template()["Resources"][each]["Condition"] for each in backups}
        (plan,) = resources("AWS::Backup::BackupPlan").values()
        (rule,) = plan["BackupPlan"]["BackupPlanRule"]
        assert {"DeleteAfterDays": {"Ref": "BackupDays"}} == rule["Lifecycle"]
        assert "Retain" == template()["Resources"]["BackupVault"]["DeletionPolicy"]

    def test_records_are_kept_for_400_days_at_least(self) -> None:
        """So long an id that comes again must be known; longer as the deployer says."""
        declared = parameter("RecordDays")
        assert LEAST_LIFETIME.days == declared["MinValue"] == declared["Default"]
        for function in resources("AWS::Lambda::Function").values():
            assert {"Ref": "RecordDays"} == function["Environment"]["Variables"]["RECORD_DAYS"]


def _texts(tree: object, name: str = "") -> Iterator[tuple[str, str]]:
    """The innermost conditions of a tree, or its values where there is none, as texts, by their place."""
    match tree:
        case {"Fn::If": ["MakesTable", *_]}:
            yield name, str(tree)
        case dict():
            if {"Ref", "Fn::GetAtt", "Fn::Sub"} & {*tree} and not isinstance(tree.get("Fn::Sub"), list):
                yield name, str(tree)
            for key, each in tree.items():
                yield from _texts(each, f"{name}/{key}")
        case list():
            for number, each in enumerate(tree):
                yield from _texts(each, f"{name}/{number}")


def test_processing_keeps_what_is_written() -> None:
    """The tests above look at what CloudFormation gets, not at something beside it."""
    assert written()["Parameters"] == template()["Parameters"]
    assert written()["Resources"].keys() <= template()["Resources"].keys() | {"Layer"}
