"""What the deployment decides, read from its environment."""

from datetime import date, timedelta

import pytest

from tests.examples import ENVIRONMENT
from tollkeeper.settings import Settings, SettingsError, Stage


def test_the_environment_becomes_settings() -> None:
    """What production sets is read; there it has neither another Stripe nor another clock."""
    assert Settings(
        stage=Stage.PROD,
        deployment="live",
        user_audience="tollkeeper",
        service_audience="tollkeeper-service",
        service_scope="billing:service",
        user_claim="sub",
        billing_claim=None,
        table_name="ledger",
        usage_queue_url="https://sqs.test/usage",
        usage_dead_letter_queue_url="https://sqs.test/usage-dead-letters",
        stripe_event_queue_url="https://sqs.test/stripe-events",
        stream_dead_letter_queue_url="https://sqs.test/stream-dead-letters",
        stripe_event_dead_letter_queue_url="https://sqs.test/stripe-event-dead-letters",
        event_bus_name="live",
        stripe_secret_key_parameter="/live/stripe/key",
        stripe_webhook_secret_parameter="/live/stripe/webhook",
        stripe_calls_per_second=20,
        stripe_event_concurrency=2,
        stripe_api_base=None,
        allowed_origins=frozenset({"https://app.example.com", "http://localhost:3000"}),
        bill_overage_from=date(2026, 1, 31),
        longest_hold=timedelta(hours=72),
        writes_off=False,
        upgrade_url="/pricing",
        sandbox_clock_url=None,
        record_lifetime=timedelta(days=400),
    ) == Settings.from_environment(ENVIRONMENT)


@pytest.mark.parametrize("name", [*ENVIRONMENT])
def test_what_is_missing_is_named(name: str) -> None:
    """A function that lacks a variable says which one, and who sets it."""
    environment = {key: value for key, value in ENVIRONMENT.items() if key != name}
    with pytest.raises(SettingsError, match=rf"{name}.*template\.yaml"):
        Settings.from_environment(environment)


@pytest.mark.parametrize("name", ["STRIPE_CALLS_PER_SECOND", "STRIPE_EVENT_CONCURRENCY"])
@pytest.mark.parametrize("text", ["", "0", "-1", "2.5", "many"])
def test_a_number_that_is_none_is_named(name: str, text: str) -> None:
    """A function that would make no call, or wait for none, says so."""
    with pytest.raises(SettingsError, match=rf"{name} is '{text}', and must be a whole number above 0"):
        Settings.from_environment({**ENVIRONMENT, name: text})


def test_stripes_calls_are_shared_by_those_who_follow_its_events() -> None:
    """Together they make no more than the deployer says."""
    settings = Settings.from_environment({**ENVIRONMENT, "STRIPE_CALLS_PER_SECOND": "25"})
    assert 12.5 == settings.stripe_calls_each


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30"])
def test_a_date_that_is_none_is_named(text: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(SettingsError, match=r"BILL_OVERAGE_FROM is no date such as 2026-01-31"):
        Settings.from_environment({**ENVIRONMENT, "BILL_OVERAGE_FROM": text})


def test_what_becomes_of_charges_apart_is_one_of_two() -> None:
    """The message says which."""
    with pytest.raises(SettingsError, match=r"CHARGE_APART is 'free', and must be invoice or write-off"):
        Settings.from_environment({**ENVIRONMENT, "CHARGE_APART": "free"})


def test_what_is_set_to_nothing_is_not_set() -> None:
    """An empty parameter of the template means none, and allows no origin."""
    empty = {"STRIPE_API_BASE": "", "SANDBOX_CLOCK_URL": "", "ALLOWED_ORIGINS": ""}
    settings = Settings.from_environment({**ENVIRONMENT, **empty})
    assert (None, None, frozenset()) == (
        settings.stripe_api_base,
        settings.sandbox_clock_url,
        settings.allowed_origins,
    )


def test_a_stage_that_is_none_is_named() -> None:
    """The message says which there are."""
    with pytest.raises(SettingsError, match=r"STAGE is 'production', and must be one of local, dev, prod"):
        Settings.from_environment({**ENVIRONMENT, "STAGE": "production"})


@pytest.mark.parametrize(
    ("stage", "key"),
    [
        ("prod", "sk_live_1"),
        ("prod", "rk_live_1"),
        ("dev", "sk_test_1"),
        ("dev", "rk_test_1"),
        ("local", "sk_test_1"),
    ],
)
def test_a_key_of_the_stages_mode_is_taken(stage: str, key: str) -> None:
    """Live ones in prod, test ones elsewhere, restricted or not."""
    Settings.from_environment({**ENVIRONMENT, "STAGE": stage}).require_fitting(key)


@pytest.mark.parametrize(
    ("stage", "key", "fitting"),
    [
        ("prod", "sk_test_1", "sk_live_ or rk_live_"),
        ("prod", "rk_test_1", "sk_live_ or rk_live_"),
        ("prod", "pk_live_1", "sk_live_ or rk_live_"),
        ("prod", "", "sk_live_ or rk_live_"),
        ("dev", "sk_live_1", "sk_test_ or rk_test_"),
        ("dev", "rk_live_1", "sk_test_ or rk_test_"),
        ("local", "sk_live_1", "sk_test_ or rk_test_"),
    ],
)
def test_a_key_of_the_other_mode_is_refused(stage: str, key: str, fitting: str) -> None:
    """Prod bills nobody in test mode, no other stage moves money, and the message keeps the key to itself."""
    settings = Settings.from_environment({**ENVIRONMENT, "STAGE": stage})
    with pytest.raises(SettingsError, match=rf"/live/stripe/key .*{fitting}.*stage is {stage}") as refused:
        settings.require_fitting(key)
    assert not key or key not in str(refused.value)
