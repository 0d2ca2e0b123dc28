"""What the deployment decides, read from its environment."""

from datetime import date

import pytest

from tests.examples import ENVIRONMENT
from tollkeeper.settings import Settings, SettingsError


def test_the_environment_becomes_settings() -> None:
    """What production sets is read; there it has neither another Stripe nor another clock."""
    assert Settings(
        deployment="live",
        table_name="ledger",
        usage_queue_url="https://sqs.test/usage",
        usage_dead_letter_queue_url="https://sqs.test/usage-dead-letters",
        stripe_event_queue_url="https://sqs.test/stripe-events",
        stripe_event_dead_letter_queue_url="https://sqs.test/stripe-event-dead-letters",
        event_bus_name="live",
        stripe_secret_key_parameter="/live/stripe/key",
        stripe_webhook_secret_parameter="/live/stripe/webhook",
        stripe_api_base=None,
        allowed_origins=frozenset({"https://app.example.com", "http://localhost:3000"}),
        bill_overage_from=date(2026, 1, 31),
        upgrade_url="/pricing",
        sandbox_clock_url=None,
    ) == Settings.from_environment(ENVIRONMENT)


@pytest.mark.parametrize("name", [*ENVIRONMENT])
def test_what_is_missing_is_named(name: str) -> None:
    """A function that lacks a variable says which one, and who sets it."""
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}
    with pytest.raises(SettingsError, match=rf"{name}.*template\.yaml"):
        Settings.from_environment(environment)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30"])
def test_a_date_that_is_none_is_named(text: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(SettingsError, match=r"BILL_OVERAGE_FROM is no date such as 2026-01-31"):
        Settings.from_environment({**ENVIRONMENT, "BILL_OVERAGE_FROM": text})


def test_what_is_set_to_nothing_is_not_set() -> None:
    """An empty parameter of the template means none, and allows no origin."""
    empty = {"STRIPE_API_BASE": "", "SANDBOX_CLOCK_URL": "", "ALLOWED_ORIGINS": ""}
    settings = Settings.from_environment({**ENVIRONMENT, **empty})
    assert (None, None, frozenset()) == (
        settings.stripe_api_base,
        settings.sandbox_clock_url,
        settings.allowed_origins,
    )
