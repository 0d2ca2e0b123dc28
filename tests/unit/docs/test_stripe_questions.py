"""The questions to Stripe on their page are those that can be asked."""

import re

from tests.unit.docs.documents import ROOT, commands

ASKED = "tests/integration/test_stripe_questions.py"


def test_each_question_on_the_page_is_a_test_and_the_other_way_round() -> None:
    """The page's commands run one test each, and each test has its command."""
    told = [
        each.partition("::")[2] for each in commands("docs/stripe-questions.md") if f"T={ASKED}::" in each
    ]
    tests = re.findall(r"^def (test_\w+)", (ROOT / ASKED).read_text(), re.MULTILINE)
    assert sorted(tests) == sorted(told)
