"""What a preflight says before a deploy: each obstacle with a sentence that says what to do."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import httpx
import pytest
from botocore.exceptions import NoRegionError
from moto import mock_aws

from infra.operate.checks import Check, looked_at
from infra.operate.exits import UnfitError
from infra.operate.preflight import account
from infra.operate.preflight.configured import Configured, fitting, tuned
from infra.template import written
from tests.ledger.tables import CREDENTIALS

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

ROOT = Path(__file__).parents[3]
GOOD = {
    "TokenIssuer": "https://clerk.mysaas.io",
    "AllowedOrigins": "https://app.mysaas.io,http://localhost:3000",
}
ISSUER = "https://tenant.auth0.com/"


def configured(given: Mapping[str, str], **others: Any) -> Configured:  # noqa: ANN401 - some of its fields
    """Return an environment that gives some parameters."""
    fields = {"region": None, "profile": None, "resolves_bucket": True, "bucket": None} | others
    return Configured("shop", given=given, **fields)


def red(checks: Iterable[Check]) -> dict[str, str]:
    """Return what is not well, and what is said of it."""
    return {each.what: each.found for each in checks if not each.is_well}


def test_whoever_has_not_set_up_aws_is_told_how() -> None:
    """In the words of every other command."""

    def look() -> Iterator[Check]:
        yield Check("account", "a bucket", is_well=True)
        raise NoRegionError

    said = red(looked_at("account", look))
    assert "choose a profile (AWS_PROFILE=…), or run `aws configure sso`" in said["can be looked at"]


@pytest.mark.parametrize("environment", ["default", "prod"])
def test_the_shipped_configuration_fits_but_for_its_placeholders(environment: str) -> None:
    """Whoever forgets to put in their own issuer is told where to."""
    shipped = Configured.read(ROOT / "samconfig.toml", environment)
    trouble = red(fitting(shipped, written()["Parameters"]))
    assert (
        "must be the https URL of your own OIDC provider; put it into samconfig.toml"
        in trouble["TokenIssuer"]
    )
    assert {"TokenIssuer"} | ({"AllowedOrigins"} if environment == "prod" else set()) == trouble.keys()
    assert shipped.resolves_bucket


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TokenIssuer", None, "it has no default: give it"),
        ("TokenIssuer", "clerk.mysaas.io", "must be the https URL"),
        ("AllowedOrigins", "https://app.mysaas.io,https://app.example.com", "must be origins of your own"),
        ("Stage", "production", "must be one of local, dev, prod"),
        ("RecordDays", "5", "must be a number from 400 to 3650"),
        ("RecordDays", "long", "must be a number from 400 to 3650"),
        ("BillOverageFrom", "tomorrow", "must be a day such as 2026-12-01"),
        ("Stge", "dev", "the template has no such parameter: take it out"),
    ],
)
def test_what_the_template_refuses_is_said_before(name: str, value: str | None, said: str) -> None:
    """By the template's own patterns and bounds."""
    parameters = written()["Parameters"]
    assert {} == red(fitting(configured(GOOD), parameters))
    given = {key: each for key, each in {**GOOD, name: value}.items() if each is not None}
    trouble = red(fitting(configured(given), parameters))
    assert {name} == trouble.keys()
    assert said in trouble[name]


@pytest.mark.parametrize("value", ["0", "61", "a while"])
def test_a_number_that_is_turned_too_far_is_said_before(value: str) -> None:
    """It is no parameter, so CloudFormation asks nothing of it. What is shipped fits."""
    shipped = written()["Mappings"]["Tuning"]
    assert {} == red(tuned(shipped))
    turned = {**shipped, "UsageBatchingWindow": {**shipped["UsageBatchingWindow"], "prod": value}}
    ((what, said),) = red(tuned(turned)).items()
    assert "UsageBatchingWindow of prod" == what
    assert f"{value!r} must be a number from 1 to 60: mend it in template.yaml, under Mappings" == said


def test_parameters_are_read_as_sam_reads_them(tmp_path: Path) -> None:
    """A text, a list of texts or a table; an empty value may be in quotes."""
    file = tmp_path / "samconfig.toml"
    for said in (
        """'Stage=prod AlarmEmail=""'""",
        """["Stage=prod", 'AlarmEmail=""']""",
        """{Stage = "prod", AlarmEmail = ""}""",
    ):
        named = '[prod.global.parameters]\nstack_name = "shop"\n'
        file.write_text(f"{named}[prod.deploy.parameters]\nparameter_overrides = {said}")
        assert {"Stage": "prod", "AlarmEmail": ""} == Configured.read(file, "prod").given
    with pytest.raises(UnfitError, match="has no environment dev, but prod: choose with --config-env"):
        Configured.read(file, "dev")
    with pytest.raises(UnfitError, match="sam deploy --guided"):
        Configured.read(tmp_path / "none.toml", "dev")


class FakeLambda:
    """Lambda of an account with so much concurrency, some of it reserved."""

    def __init__(self, limit: int, unreserved: int) -> None:
        self.limits = {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}

    def get_account_settings(self) -> dict[str, Any]:
        """Say what there is."""
        return {"AccountLimit": self.limits}


@pytest.mark.parametrize(
    ("limit", "unreserved", "wanted", "is_well"),
    [
        (1000, 1000, 10, True),
        (1000, 110, 10, True),
        (1000, 109, 10, False),
        (10, 10, 10, False),
        (10, 10, 0, True),
    ],
)
def test_an_account_with_too_little_concurrency_is_told_how_to_deploy(
    limit: int, unreserved: int, wanted: int, *, is_well: bool
) -> None:
    """AWS keeps a hundred for functions that reserve none; a new account has ten in all."""
    client = cast("LambdaClient", FakeLambda(limit, unreserved))
    trouble = red(account.concurrency(client, wanted, 0))
    assert is_well == (not trouble)
    assert is_well or all("deploy with WebhookConcurrency=0" in each for each in trouble.values())
    assert {} == red(account.concurrency(client, wanted, 100))  # what the stack itself has reserved


@pytest.mark.parametrize(
    ("stored", "stage", "is_well"),
    [
        (None, "prod", True),
        ("sk_live_1", "prod", True),
        ("rk_test_1", "dev", True),
        ("sk_live_1", "dev", False),
        ("sk_test_1", "prod", False),
    ],
)
@mock_aws
def test_a_key_of_the_other_mode_is_named(stored: str | None, stage: str, *, is_well: bool) -> None:
    """Real money in prod, and nowhere else; the key itself is not shown."""
    client, name = boto3.client("ssm", **CREDENTIALS), f"/{stage}/{stored}"
    if stored:
        client.put_parameter(Name=name, Value=stored, Type="SecureString")
    trouble = red(account.key(client, name, stage))
    assert is_well == (not trouble)
    assert all(str(stored) not in each for each in trouble.values())


@mock_aws
def test_a_bucket_is_there_or_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM makes one if it is told to."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", CREDENTIALS["region_name"])
    assert {} == red(account.bucket(configured(GOOD)))
    (said,) = red(account.bucket(configured(GOOD, resolves_bucket=False))).values()
    assert "add resolve_s3 = true" in said
    (said,) = red(account.bucket(configured(GOOD, resolves_bucket=False, bucket="gone"))).values()
    assert "or say resolve_s3 = true instead" in said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(200, json={"issuer": ISSUER}), None),
        (
            httpx.Response(200, json={"issuer": ISSUER.rstrip("/")}),
            "it calls itself https://tenant.auth0.com: write",
        ),
        (httpx.Response(404, text="no"), "it answers 404 where it should describe itself"),
        (httpx.Response(200, json=[]), "it answers 200 where it should describe itself"),
    ],
)
def test_an_issuer_calls_itself_just_so(answer: httpx.Response, said: str | None) -> None:
    """API Gateway compares it to the letter, so that a slash too few refuses every token."""
    client = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    trouble = red(account.issuer(client, ISSUER))
    assert (said is None) == (not trouble)
    assert said is None or all(said in each for each in trouble.values())
