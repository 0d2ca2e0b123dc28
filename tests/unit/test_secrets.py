"""What the deployment keeps secret, and the parts that a function has ready when it is first called."""

from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError

from tollkeeper.runtime import get_ready
from tollkeeper.secrets import Secrets
from tollkeeper.settings import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class FakeParameterStore:
    """SSM with one SecureString, which counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, dict[str, str]]:  # noqa: N803 - boto3's names
        """Return the parameter, deciphered."""
        self.asked += 1
        if (Name, WithDecryption) != ("/live/key", True):
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": ""}}, "GetParameter")
        return {"Parameter": {"Value": "sk_live"}}


def test_a_secret_is_remembered() -> None:
    """One call of SSM serves the calls of the next minutes."""
    store = FakeParameterStore()
    secrets = Secrets(cast("SSMClient", store))
    assert ["sk_live", "sk_live"] == [secrets.read("/live/key") for _ in range(2)]
    assert 1 == store.asked


def test_a_missing_secret_says_what_to_type() -> None:
    """CloudFormation cannot create it, so the deployer has to be told."""
    secrets = Secrets(cast("SSMClient", FakeParameterStore()))
    with pytest.raises(SettingsError, match=r"aws ssm put-parameter --type SecureString --name /live/none "):
        secrets.read("/live/none")


@pytest.mark.parametrize(("variable", "expected"), [("AWS_LAMBDA_FUNCTION_NAME", ["made"]), ("NAME", [])])
def test_parts_are_made_early_in_lambda_alone(
    variable: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A test or a command imports functions without their environment, and gets no part unasked."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    monkeypatch.setenv(variable, "function")
    made: list[str] = []
    get_ready(lambda: made.append("made"))
    assert expected == made
