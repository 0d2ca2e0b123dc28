"""What the deployment decides: read from the environment once, and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


class SettingsError(Exception):
    """The deployment lacks something; the message says what to set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of a function, as template.yaml sets it.

    `deployment` names this stack towards Stripe, so that several can share one Stripe account.
    """

    deployment: str
    table_name: str
    usage_queue_url: str
    usage_dead_letter_queue_url: str
    stripe_event_queue_url: str
    stripe_event_dead_letter_queue_url: str
    event_bus_name: str
    stripe_secret_key_parameter: str
    stripe_webhook_secret_parameter: str
    stripe_api_base: str | None
    allowed_origins: frozenset[str]
    bill_overage_from: date
    upgrade_url: str
    sandbox_clock_url: str | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: a variable is missing, or is no date where it must be one.
        """
        try:
            return cls(
                deployment=environment["DEPLOYMENT"],
                table_name=environment["TABLE_NAME"],
                usage_queue_url=environment["USAGE_QUEUE_URL"],
                usage_dead_letter_queue_url=environment["USAGE_DEAD_LETTER_QUEUE_URL"],
                stripe_event_queue_url=environment["STRIPE_EVENT_QUEUE_URL"],
                stripe_event_dead_letter_queue_url=environment["STRIPE_EVENT_DEAD_LETTER_QUEUE_URL"],
                event_bus_name=environment["EVENT_BUS_NAME"],
                stripe_secret_key_parameter=environment["STRIPE_SECRET_KEY_PARAMETER"],
                stripe_webhook_secret_parameter=environment["STRIPE_WEBHOOK_SECRET_PARAMETER"],
                stripe_api_base=environment.get("STRIPE_API_BASE") or None,
                allowed_origins=frozenset(filter(None, environment["ALLOWED_ORIGINS"].split(","))),
                bill_overage_from=date.fromisoformat(environment["BILL_OVERAGE_FROM"]),
                upgrade_url=environment["UPGRADE_URL"],
                sandbox_clock_url=environment.get("SANDBOX_CLOCK_URL") or None,
            )
        except KeyError as error:
            raise SettingsError(
                f"the environment variable {error} is missing; template.yaml sets it"
            ) from error
        except ValueError as error:
            raise SettingsError(f"BILL_OVERAGE_FROM is no date such as 2026-01-31: {error}") from error


def is_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether Lambda runs this code, rather than a test or a command."""
    return "AWS_LAMBDA_FUNCTION_NAME" in environment
