"""The whole story by clicks, from signing up to resuming what was cancelled."""

import re

from playwright.sync_api import Page, expect

from infra.local.places import Stack
from infra.local.product.back_end import metrics
from infra.local.product.pages import START
from tests.browser.inspecting import inspect
from tests.browser.usage_page import compare_with_api, open_usage_page, region, summary
from tests.e2e.callers import Callers

USER = "grace"


def use(page: Page, stack: Stack, what: str, how_many: int, greenhouse: str = "none") -> None:
    """Use the product."""
    page.goto(f"{stack.stripe}{START}/{USER}")
    page.get_by_label("What").select_option(label=what)
    page.get_by_label("How many").fill(str(how_many))
    page.get_by_label("For which greenhouse").select_option(label=greenhouse)
    page.get_by_role("button", name="Use", exact=True).click()


def let_the_period_pass(page: Page, stack: Stack) -> None:
    """Move the clock to after the period's end: what is due until then has happened."""
    page.goto(f"{stack.stripe}{START}/{USER}")
    page.get_by_role("button", name="To after the period's end").click()
    expect(page.get_by_role("status")).to_contain_text("It is")


def test_a_customer_lives_through_it(page: Page, stack: Stack, callers: Callers) -> None:
    """Sign up, pay, use, go over, see it, cap it, be billed, have it explained, upgrade, cancel, resume."""
    sign_up_and_pay(page, stack)
    use(page, stack, "AI queries", 1_001)
    expect(page.get_by_role("alert")).to_contain_text("Usage limit exceeded")
    inspect(page, "product refused")
    let_the_period_pass(page, stack)
    go_over_and_see_it(page, stack, callers)
    cap_it(page, stack, callers)
    let_the_period_pass(page, stack)
    have_the_invoice_explained(page, stack, callers)
    upgrade(page, stack, callers)
    cancel_and_resume(page, callers)
    look_after_the_card(page)


def sign_up_and_pay(page: Page, stack: Stack) -> None:
    """From nothing to a trial; a card that is declined on the way is told, and another taken."""
    page.goto(f"{stack.stripe}{START}")
    inspect(page, "product sign up")
    page.get_by_label("Your name").fill(USER)
    page.get_by_role("button", name="Sign up").click()
    expect(page.get_by_role("heading", name=f"Hello, {USER}")).to_be_visible()
    inspect(page, "product signed up")
    page.get_by_role("button", name="Professional").click()
    expect(page.get_by_text("14 days free")).to_be_visible()
    inspect(page, "checkout")
    page.get_by_label("Card number").fill("4000 0000 0000 0002")
    page.get_by_role("button", name="Start trial").click()
    expect(page.get_by_role("alert")).to_contain_text("declined")
    inspect(page, "checkout declined")
    page.get_by_label("Card number").fill("4000 0025 0000 3155")
    page.get_by_role("button", name="Start trial").click()
    expect(page.get_by_role("heading", name="Confirm it is you")).to_be_visible()
    inspect(page, "checkout bank asks")
    page.get_by_role("button", name="Complete authentication").click()
    expect(page.get_by_role("heading", name=f"Hello, {USER}")).to_be_visible()


def go_over_and_see_it(page: Page, stack: Stack, callers: Callers) -> None:
    """More is used than is included: the page shows it as the API does."""
    use(page, stack, "API calls", 9_500, "north")
    use(page, stack, "API calls", 1_100, "south")
    expect(page.get_by_role("status")).to_contain_text("10,600 used, of 10,000 included")
    use(page, stack, "Exports", 512)
    open_usage_page(page, stack, USER)
    assert "$12.00" == summary(page, "Overage so far")
    assert "$111.00" == summary(page, "Projected bill")
    compare_with_api(page, callers, USER, metrics())
    inspect(page, "story over")


def cap_it(page: Page, stack: Stack, callers: Callers) -> None:
    """The cap holds at once: what would cost more than it is refused."""
    page.get_by_label("Most overage a period").fill("12.50")
    page.get_by_role("button", name="Set the cap").click()
    expect(page.get_by_role("status")).to_contain_text("Your spending cap is set")
    assert "$12.50" == summary(page, "Spending cap")
    assert "$111.50" == summary(page, "At the very most")
    inspect(page, "story capped")
    use(page, stack, "Exports", 2)
    expect(page.get_by_role("alert")).to_contain_text("Spending cap reached")
    use(page, stack, "Exports", 1)
    expect(page.get_by_role("status")).to_contain_text("513 used")
    assert 513 == callers.usage(USER)["exports"]


def have_the_invoice_explained(page: Page, stack: Stack, callers: Callers) -> None:
    """The invoice is final and paid; page, Stripe and API say one amount, and the page says why."""
    open_usage_page(page, stack, USER)
    newest = region(page, "Invoices").get_by_role("row").nth(1)
    expect(newest).to_contain_text("$111.50")
    expect(newest).to_contain_text("paid")
    (invoice,) = [
        each for each in callers.user(USER).get("/invoices").json()["invoices"] if each["total"] == 111_50
    ]
    explained = callers.user(USER).get(f"/invoices/{invoice['id']}/explain").json()
    assert [6_00, 6_50] == [each["amount"] for each in explained["charges"]]
    newest.get_by_role("link", name="Explain").click()
    for words in ("10,600", "513", "$6.00", "$6.50", "$111.50"):
        expect(page.locator("main")).to_contain_text(words)
    inspect(page, "invoice explained")
    page.get_by_role("link", name="The invoice at Stripe").click()
    expect(page.locator("main")).to_contain_text("10,600 used − 10,000 included = 600 × $0.01")
    inspect(page, "invoice")


def upgrade(page: Page, stack: Stack, callers: Callers) -> None:
    """What it means is shown before; then it holds."""
    open_usage_page(page, stack, USER)
    page.get_by_role("link", name="See the upgrade").click()
    preview = callers.user(USER).get("/subscription/plan/preview", params={"plan": "enterprise"}).json()
    expect(page.locator("dl")).to_contain_text(f"${preview['dueNow'] / 100:,.2f}")
    inspect(page, "upgrade")
    page.get_by_role("button", name="Change to Enterprise now").click()
    expect(page.get_by_role("status")).to_contain_text("Your plan is changed")
    expect(page.get_by_role("heading", name="Enterprise").first).to_be_visible()
    assert "enterprise" == callers.user(USER).get("/subscription").json()["plan"]
    compare_with_api(page, callers, USER, metrics())
    inspect(page, "story upgraded")


def cancel_and_resume(page: Page, callers: Callers) -> None:
    """It is to end with the period, and then goes on after all."""
    page.get_by_text("Cancel the subscription").first.click()
    page.get_by_role("button", name="Cancel the subscription").click()
    expect(page.locator("main")).to_contain_text("Your subscription ends")
    inspect(page, "story cancelled")
    assert callers.user(USER).get("/subscription").json()["cancelAt"]
    page.get_by_role("button", name="Let the subscription go on").click()
    expect(page.get_by_role("status")).to_contain_text("Your subscription goes on")
    assert callers.user(USER).get("/subscription").json()["cancelAt"] is None


def look_after_the_card(page: Page) -> None:
    """The portal shows what is bought, takes another card, and leads back."""
    page.get_by_role("button", name="Payment methods").click()
    page.wait_for_url(re.compile("/portal/"))
    inspect(page, "portal")
    page.get_by_label("Card number").fill("5555 5555 5555 4444")
    page.get_by_role("button", name="Update card").click()
    expect(page.locator("main")).to_contain_text("charged to Mastercard ending in 4444")
    page.get_by_role("link", name="Return").click()
    expect(page.get_by_role("heading", name="Usage in this period")).to_be_visible()
