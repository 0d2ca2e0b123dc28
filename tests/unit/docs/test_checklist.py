"""The README shows what `make checklist` prints when every line holds, and the list is the assessment's."""

import re
from collections import Counter
from dataclasses import replace

from tests.e2e.checklist.lines import lines, printed
from tests.unit.docs.documents import text


def test_the_readme_shows_the_checklist() -> None:
    """Word for word, with every line ticked."""
    shown = re.search(r"```\n(1\. Stripe Checkout\n.*?)```", text("README.md"), re.DOTALL)
    assert shown
    assert [*printed(replace(line, holds=True) for line in lines())] == shown[1].splitlines()


def test_the_checklist_has_the_lines_of_the_assessment() -> None:
    """Seven, five, three and three, and what its Parts 5 and 6 ask; each test is named after its line."""
    assert {
        "1. Stripe Checkout": 7,
        "2. Usage Tracking": 5,
        "3. Usage Limits": 3,
        "4. Metered Billing": 3,
        "Parts 5 and 6": 3,
    } == Counter(line.section for line in lines())
    named = {f"test_{re.sub(r'[^a-z0-9]+', '_', line.words.lower()).strip('_')}": line for line in lines()}
    assert named.keys() == {line.test for line in lines()}


def test_a_line_that_does_not_hold_is_crossed() -> None:
    """And the words of all stand below each other."""
    first, second, *_ = lines()
    section, crossed, ticked = printed([first, replace(second, holds=True)])
    assert (first.section, "  ✘ Create subscription", "  ✔ Card is collected during trial") == (
        section,
        crossed.partition("  Stripe")[0].rstrip(),
        ticked.partition("  Stripe")[0].rstrip(),
    )
