"""Coupons, promotion codes and the discounts they become (docs.stripe.com/billing/subscriptions/coupons)."""

from collections.abc import Mapping, Sequence
from typing import Any

from stripe import Coupon, Customer, Discount, Invoice, ListObject, PromotionCode, Subscription
from stripe.params import (
    CouponCreateParams,
    CouponListParams,
    CouponRetrieveParams,
    PromotionCodeCreateParams,
    PromotionCodeListParams,
    PromotionCodeRetrieveParams,
)

from infra.stripe_standin.account.shapes import make, metadata, new_id, reference
from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.server.lists import matching, page
from infra.stripe_standin.server.routes import Routes

routes = Routes()


@routes.post("/v1/coupons", CouponCreateParams)
def create(account: Account, params: CouponCreateParams) -> Coupon:
    """Create a coupon, of a percentage or an amount (docs.stripe.com/api/coupons/create)."""
    if ("percent_off" in params) == ("amount_off" in params):
        raise RefusedError("Give percent_off or amount_off.", code="parameter_missing", param="percent_off")
    duration = params.get("duration", "once")
    if duration == "repeating":
        raise lacking("coupons for some months")
    coupon = make(
        Coupon,
        id=params.get("id") or new_id("coupon"),
        amount_off=params.get("amount_off"),
        applies_to=params.get("applies_to"),
        created=account.now(),
        currency=params.get("currency"),
        duration=duration,
        max_redemptions=params.get("max_redemptions"),
        metadata=metadata(params.get("metadata")),
        name=params.get("name"),
        percent_off=params.get("percent_off"),
        times_redeemed=0,
        valid=True,
    )
    return account.keep(coupon)


@routes.get("/v1/coupons", CouponListParams)
def listed_coupons(account: Account, params: CouponListParams) -> ListObject[Coupon]:
    """List coupons (docs.stripe.com/api/coupons/list)."""
    return page(matching(account.all(Coupon), params), params, "/v1/coupons")


@routes.get("/v1/coupons/{coupon}", CouponRetrieveParams)
def retrieve(account: Account, _params: CouponRetrieveParams, coupon: str) -> Coupon:
    """Retrieve a coupon (docs.stripe.com/api/coupons/retrieve)."""
    return account.get(Coupon, coupon)


@routes.post("/v1/promotion_codes", PromotionCodeCreateParams)
def create_promotion_code(account: Account, params: PromotionCodeCreateParams) -> PromotionCode:
    """Give a coupon a code that customers type (docs.stripe.com/api/promotion_codes/create)."""
    coupon = account.get(Coupon, params["promotion"].get("coupon", ""), "promotion[coupon]")
    promotion_code = make(
        PromotionCode,
        id=new_id("promo"),
        active=params.get("active", True),
        code=params.get("code") or new_id("")[1:9].upper(),
        created=account.now(),
        customer=params.get("customer"),
        expires_at=params.get("expires_at"),
        max_redemptions=params.get("max_redemptions"),
        metadata=metadata(params.get("metadata")),
        promotion={"type": "coupon", "coupon": coupon.id},
        restrictions={"first_time_transaction": False},
        times_redeemed=0,
    )
    return account.keep(promotion_code)


@routes.get("/v1/promotion_codes", PromotionCodeListParams)
def listed(account: Account, params: PromotionCodeListParams) -> ListObject[PromotionCode]:
    """List promotion codes (docs.stripe.com/api/promotion_codes/list)."""
    found = matching(account.all(PromotionCode), params, "active", "code", "customer")
    return page(found, params, "/v1/promotion_codes")


@routes.get("/v1/promotion_codes/{promotion_code}", PromotionCodeRetrieveParams)
def retrieve_promotion_code(
    account: Account, _params: PromotionCodeRetrieveParams, promotion_code: str
) -> PromotionCode:
    """Retrieve a promotion code (docs.stripe.com/api/promotion_codes/retrieve)."""
    return account.get(PromotionCode, promotion_code)


def by_code(account: Account, code: str) -> PromotionCode:
    """The promotion code a customer typed.

    Raises:
        RefusedError: There is none, or it is used up or expired.
    """
    for known in account.all(PromotionCode):
        spent = known.max_redemptions is not None and known.times_redeemed >= known.max_redemptions
        expired = known.expires_at is not None and known.expires_at <= account.now()
        if known.code.casefold() == code.casefold() and known.active and not spent and not expired:
            return known
    raise RefusedError("This code is invalid.", code="promotion_code_invalid", param="promotion_code")


def inherited(customer: Customer, subscription: Subscription | None) -> list[Any]:
    """The discounts of a new invoice: its subscription's, else its customer's; as ids.

    See docs.stripe.com/billing/subscriptions/coupons.
    """
    of_subscription = list(subscription.discounts) if subscription else []
    of_customer = [customer.discount.id] if customer.discount else []
    return of_subscription or of_customer


def redeem(
    account: Account,
    given: Sequence[Mapping[str, Any]],
    owner: Customer | Invoice | Subscription,
) -> list[Any]:
    """Turn `discounts` parameters into the discounts of an invoice or a subscription; returns their ids.

    See docs.stripe.com/api/discounts.
    """
    return [_redeem(account, parameter, owner).id for parameter in given]


def _redeem(
    account: Account, parameter: Mapping[str, Any], owner: Customer | Invoice | Subscription
) -> Discount:
    if "discount" in parameter:
        return account.get(Discount, parameter["discount"], "discounts[0][discount]")
    promotion_code = None
    if identifier := parameter.get("promotion_code"):
        promotion_code = account.get(PromotionCode, identifier, "discounts[0][promotion_code]")
        promotion_code.times_redeemed += 1
        coupon_id = reference(promotion_code.promotion.coupon or "")
    else:
        coupon_id = parameter.get("coupon", "")
    coupon = account.get(Coupon, coupon_id, "discounts[0][coupon]")
    coupon.times_redeemed += 1
    return account.keep(
        make(
            Discount,
            id=new_id("di"),
            customer=owner.id if isinstance(owner, Customer) else owner.customer,
            invoice=owner.id if isinstance(owner, Invoice) else None,
            promotion_code=promotion_code.id if promotion_code else None,
            source={"type": "coupon", "coupon": coupon.id},
            start=account.now(owner.test_clock),
            subscription=owner.id if isinstance(owner, Subscription) else None,
        )
    )


def give(account: Account, customer: Customer, coupon: str) -> None:
    """Give a customer a coupon, as somebody does in the Dashboard; no parameter of the API does any more.

    See docs.stripe.com/billing/subscriptions/coupons.
    """
    with account.changing("customer.updated", customer):
        customer.discount = _redeem(account, {"coupon": coupon}, customer)
    account.emit("customer.discount.created", customer.discount)


def take(account: Account, customer: Customer) -> None:
    """Take a customer's coupon away, used up or not."""
    gone = customer.discount
    with account.changing("customer.updated", customer):
        customer.discount = None
    if gone:
        account.emit("customer.discount.deleted", gone)
