"""What the deployment keeps secret, in SSM."""

from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.parameters import GetParameterError, SSMProvider, TransformParameterError

from tollkeeper.settings import SettingsError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MAX_AGE = 300
"""Seconds after which a secret is read again, so that a rolled one is taken up without a deployment."""


class Secrets:
    """Reads SecureString parameters, and remembers them for five minutes."""

    def __init__(self, client: "SSMClient") -> None:
        self._parameters = SSMProvider(boto3_client=client)

    def read(self, parameter: str) -> str:
        """Return a secret.

        Raises:
            SettingsError: the parameter does not exist, or may not be read.
        """
        try:
            return str(self._parameters.get(parameter, decrypt=True, max_age=MAX_AGE))
        except (GetParameterError, TransformParameterError) as error:
            raise SettingsError(
                f"the SSM parameter {parameter} cannot be read ({error}); create it with: "
                f"aws ssm put-parameter --type SecureString --name {parameter} --value …"
            ) from error
