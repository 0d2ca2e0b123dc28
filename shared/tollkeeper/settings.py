"""What the deployment decides: read from the environment once, and nowhere else."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

LIVE_KEYS = ("sk_live_", "rk_live_")
TEST_KEYS = ("sk_test_", "rk_test_")
"""How Stripe's secret and restricted keys begin, in either mode (docs.stripe.com/keys)."""


class SettingsError(Exception):
    """The deployment lacks something; the message says what to set."""


class Stage(StrEnum):
    """What a deployment is for."""

    LOCAL = "local"
    DEV = "dev"
    PROD = "prod"


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of a function, as template.yaml sets it.

    `deployment` names this stack towards Stripe, so that several can share one Stripe account. Tokens of
    users and of services are told apart by their audiences, and services' also carry `service_scope`. The
    claim `user_claim` of a user's token names them; `billing_claim` is what the tokens of those say who may
    change what is bought, if not all may. `stripe_calls_per_second` are made to one endpoint by all that
    follow Stripe's events at once, of which there are `stripe_event_concurrency`. Drafts of invoices are held
    for `longest_hold` at most; `writes_off` says that what then has no draft is not charged. Records are kept
    for `record_lifetime`.
    """

    stage: Stage
    deployment: str
    user_audience: str
    service_audience: str
    service_scope: str
    user_claim: str
    billing_claim: str | None
    table_name: str
    usage_queue_url: str
    usage_dead_letter_queue_url: str
    stripe_event_queue_url: str
    stream_dead_letter_queue_url: str
    stripe_event_dead_letter_queue_url: str
    event_bus_name: str
    stripe_secret_key_parameter: str
    stripe_webhook_secret_parameter: str
    stripe_calls_per_second: int
    stripe_event_concurrency: int
    stripe_api_base: str | None
    allowed_origins: frozenset[str]
    bill_overage_from: date
    longest_hold: timedelta
    writes_off: bool
    upgrade_url: str
    sandbox_clock_url: str | None
    record_lifetime: timedelta

    @property
    def plans_page(self) -> str | None:
        """Where plans are sold, if the deployment says it whole, or has one origin that it is of."""
        if not self.upgrade_url.startswith("/"):
            return self.upgrade_url
        origins = self.allowed_origins
        return f"{next(iter(origins))}{self.upgrade_url}" if len(origins) == 1 else None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises:
            SettingsError: a variable is missing, or is not what it must be.
        """
        try:
            return cls(
                stage=_stage(environment["STAGE"]),
                deployment=environment["DEPLOYMENT"],
                user_audience=environment["USER_AUDIENCE"],
                service_audience=environment["SERVICE_AUDIENCE"],
                service_scope=environment["SERVICE_SCOPE"],
                user_claim=environment["USER_CLAIM"],
                billing_claim=environment["BILLING_CLAIM"] or None,
                table_name=environment["TABLE_NAME"],
                usage_queue_url=environment["USAGE_QUEUE_URL"],
                usage_dead_letter_queue_url=environment["USAGE_DEAD_LETTER_QUEUE_URL"],
                stripe_event_queue_url=environment["STRIPE_EVENT_QUEUE_URL"],
                stream_dead_letter_queue_url=environment["STREAM_DEAD_LETTER_QUEUE_URL"],
                stripe_event_dead_letter_queue_url=environment["STRIPE_EVENT_DEAD_LETTER_QUEUE_URL"],
                event_bus_name=environment["EVENT_BUS_NAME"],
                stripe_secret_key_parameter=environment["STRIPE_SECRET_KEY_PARAMETER"],
                stripe_webhook_secret_parameter=environment["STRIPE_WEBHOOK_SECRET_PARAMETER"],
                stripe_calls_per_second=_number(environment, "STRIPE_CALLS_PER_SECOND"),
                stripe_event_concurrency=_number(environment, "STRIPE_EVENT_CONCURRENCY"),
                stripe_api_base=environment.get("STRIPE_API_BASE") or None,
                allowed_origins=frozenset(filter(None, environment["ALLOWED_ORIGINS"].split(","))),
                bill_overage_from=date.fromisoformat(environment["BILL_OVERAGE_FROM"]),
                longest_hold=timedelta(hours=int(environment["HOLD_HOURS"])),
                writes_off=_writes_off(environment["CHARGE_APART"]),
                upgrade_url=environment["UPGRADE_URL"],
                sandbox_clock_url=environment.get("SANDBOX_CLOCK_URL") or None,
                record_lifetime=timedelta(days=_number(environment, "RECORD_DAYS")),
            )
        except KeyError as error:
            raise SettingsError(
                f"the environment variable {error} is missing; template.yaml sets it"
            ) from error
        except ValueError as error:
            raise SettingsError(f"BILL_OVERAGE_FROM is no date such as 2026-01-31: {error}") from error

    @property
    def stripe_calls_each(self) -> float:
        """Calls a second that one of those makes that follow Stripe's events."""
        return self.stripe_calls_per_second / self.stripe_event_concurrency

    def require_fitting(self, stripe_secret_key: str) -> None:
        """See that a key of Stripe's is of the stage's mode: real money in prod, and nowhere else.

        Raises:
            SettingsError: it is not; the message says which key to store, and nothing of the one that is.
        """
        fitting = fitting_keys(self.stage)
        if not stripe_secret_key.startswith(fitting):
            raise SettingsError(
                f"the SSM parameter {self.stripe_secret_key_parameter} must hold a key of Stripe's that "
                f"begins with {' or '.join(fitting)}, since the stage is {self.stage}; "
                "store one, or deploy with the Stage that it is for"
            )


def fitting_keys(stage: Stage) -> tuple[str, ...]:
    """Return how keys of Stripe's begin that a stage may have: real money in prod, and nowhere else."""
    return LIVE_KEYS if stage is Stage.PROD else TEST_KEYS


def _number(environment: Mapping[str, str], name: str) -> int:
    number = environment[name]
    if not (number.isascii() and number.isdigit() and int(number)):
        raise SettingsError(f"{name} is {number!r}, and must be a whole number above 0")
    return int(number)


def _stage(name: str) -> Stage:
    try:
        return Stage(name)
    except ValueError as error:
        raise SettingsError(f"STAGE is {name!r}, and must be one of {', '.join(Stage)}") from error


def _writes_off(apart: str) -> bool:
    if apart not in {"invoice", "write-off"}:
        raise SettingsError(f"CHARGE_APART is {apart!r}, and must be invoice or write-off")
    return apart == "write-off"


def is_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether Lambda runs this code, rather than a test or a command."""
    return "AWS_LAMBDA_FUNCTION_NAME" in environment
