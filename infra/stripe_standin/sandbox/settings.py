"""What the endpoints under `/_sandbox/` take and show."""

from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from infra.stripe_standin.server.faults import LIMITERS, FaultAnswer


class Setting(BaseModel):
    """A body: camelCase, closed."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ClockSetting(Setting):
    """`{"now": "2026-12-24T00:00:00Z"}`."""

    now: AwareDatetime


class DeliverySetting(Setting):
    """`{"drop": 0.1, "duplicate": 0.3, "reorder": true, "delaySeconds": 2}`; what is left out is off."""

    drop: float = Field(0, ge=0, le=1)
    duplicate: float = Field(0, ge=0, le=1)
    reorder: bool = False
    delay_seconds: float = Field(0, ge=0, le=60)


class FaultSetting(Setting):
    """One fault; see `faults.Fault`."""

    method: str = "*"
    path: str = "*"
    effect: Literal["before", "after"] = "before"
    answer: FaultAnswer = "500"
    count: int = Field(1, ge=1)
    delay_seconds: float = Field(0, ge=0, le=60)

    @model_validator(mode="after")
    def limiters_come_first(self) -> Self:
        """A limiter's 429 has never taken effect."""
        if self.effect == "after" and self.answer in LIMITERS:
            raise ValueError(f"{self.answer} strikes before a call takes effect, never after")
        return self


class LimitsSetting(Setting):
    """`{"perSecond": 25, "perEndpoint": 25, "concurrent": 5}`; what is left out is not limited."""

    per_second: int | None = Field(None, ge=1)
    per_endpoint: int | None = Field(None, ge=1)
    concurrent: int | None = Field(None, ge=1)


class FaultsSetting(Setting):
    """`{"faults": [{"method": "POST", "path": "/v1/customers", "effect": "after", "answer": "lost"}]}`."""

    faults: list[FaultSetting]


class DunningSetting(Setting):
    """`{"retryDays": [3, 5, 7], "finally": "canceled", "oneOffRetryDays": []}`; see `account.Dunning`."""

    retry_days: list[int] = Field(default=[3, 5, 7])
    one_off_retry_days: list[int] = Field(default=[])
    finally_: Literal["canceled", "unpaid", "past_due"] = Field("canceled", alias="finally")


class TaxIdSetting(Setting):
    """`{"type": "eu_vat", "value": "DE123456789"}`."""

    type: str
    value: str


class PaymentSetting(Setting):
    """`{"card": "4242424242424242"}`, `{"paymentMethod": "link"}` or neither, and what else they do."""

    card: str | None = None
    payment_method: Literal["card", "cashapp", "link", "sepa_debit", "us_bank_account"] = "card"
    promotion_code: str | None = None
    authenticated: bool = False
    tax_id: TaxIdSetting | None = None

    @model_validator(mode="after")
    def _is_paid_in_one_way(self) -> Self:
        if self.card is not None and self.payment_method != "card":
            raise ValueError("give a card, or a paymentMethod without a card")
        return self


class AuthenticationSetting(Setting):
    """`{"succeeds": true}`: whether the customer proves to be the card's owner."""

    succeeds: bool


class FinalizationSetting(Setting):
    """`{"error": "customer_tax_location_invalid"}` makes drafts fail to finalise, `null` no longer.

    The code is one of docs.stripe.com/error-codes. First purchases and upgrades, final at once, are spared.
    """

    error: str | None = None


class ExpirySetting(Setting):
    """`{"expMonth": 12, "expYear": 2031}`, of a card that its bank has replaced."""

    exp_month: int = Field(ge=1, le=12)
    exp_year: int


class RoundingSetting(Setting):
    """`{"mode": "ROUND_HALF_EVEN"}`: how an invoice item's fraction of a cent is rounded."""

    mode: Literal["ROUND_HALF_UP", "ROUND_HALF_EVEN", "ROUND_DOWN", "ROUND_UP"] = "ROUND_HALF_UP"


class CouponSetting(Setting):
    """`{"coupon": "…"}`, which somebody gives a customer in the Dashboard."""

    coupon: str
