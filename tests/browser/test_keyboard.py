"""Everything without a mouse: whoever has but a keyboard sees where they are, and can decide."""

from playwright.sync_api import Page, expect

from infra.local.customer import GOOD_CARD
from infra.local.places import Stack
from infra.local.product.pages import START
from tests.e2e.callers import Callers

USER = "katherine"
MOST_STEPS = 120
"""Steps that may lie between two things on a page."""

FOCUSED = """() => {
  const found = document.activeElement, style = getComputedStyle(found)
  const label = found.labels && found.labels.length ? found.labels[0].innerText : ''
  return {
    text: (label || found.innerText || found.getAttribute('aria-label') || '').trim(),
    outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0,
    nowhere: found === document.body,
  }
}"""


def go_to(page: Page, name: str) -> None:
    """Step on until the focus is on what has this name; each step on the way must be seen."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused["nowhere"]:
            continue
        assert focused["outlined"], f"nobody sees that the focus is on {focused['text']!r}"
        if focused["text"].startswith(name):
            return
    raise AssertionError(f"{name!r} is not reached in {MOST_STEPS} steps")


def press(page: Page, name: str) -> None:
    """Go to a button or link that leads to another page, and press Enter."""
    go_to(page, name)
    enter(page)


def enter(page: Page) -> None:
    """Press Enter, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_customer_needs_no_mouse(page: Page, stack: Stack, callers: Callers) -> None:
    """Sign up, pay, see, cap, look at an upgrade, cancel and resume, by keys alone."""
    page.goto(f"{stack.stripe}{START}")
    go_to(page, "Your name")
    page.keyboard.type(USER)
    enter(page)
    press(page, "Professional")
    go_to(page, "Card number")
    page.keyboard.type(GOOD_CARD)
    press(page, "Start trial")
    press(page, "Open usage and billing")
    expect(page.get_by_role("heading", name="Usage in this period")).to_be_visible()
    go_to(page, "Skip to usage")
    page.keyboard.press("Enter")
    assert page.url.endswith("#usage")
    go_to(page, "Most overage a period")
    page.keyboard.type("20")
    enter(page)
    expect(page.get_by_role("status")).to_contain_text("Your spending cap is set")
    assert 20_00 == callers.user(USER).get("/subscription").json()["spendingCap"]
    press(page, "See the upgrade")
    expect(page.get_by_role("heading", name="Change from Professional to Enterprise")).to_be_visible()
    press(page, "Leave it as it is")
    go_to(page, "Cancel the subscription")
    page.keyboard.press("Enter")
    press(page, "Cancel the subscription")
    expect(page.locator("main")).to_contain_text("Your subscription ends")
    press(page, "Let the subscription go on")
    expect(page.get_by_role("status")).to_contain_text("Your subscription goes on")
