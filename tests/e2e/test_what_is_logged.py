"""After all that the other tests have done, the functions' logs hold no secret and nobody's data."""

import os
import re
import subprocess
import sys

import pytest

from infra.local.places import ROOT, Home

SECRET = {
    "a token": r"\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}",
    "a bearer": r"[Bb]earer [\w.~+/-]{20,}",
    "a webhook's secret": r"\bwhsec_\w+",
    "a key of Stripe's": r"\b[sr]k_(test|live)_\w+",
    "a signature of Stripe's": r"\bv1=[0-9a-f]{64}",
    "a payment's secret": r"\b(pi|seti|cs)_\w+_secret_\w+",
    "an address of mail": r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b",
    "a link of the usage page": r"/dashboard\?\S*=[\w-]{20,}",
}


def luhn(digits: str) -> bool:
    """Whether digits may be a card's number."""
    doubled = [int(each) * (1 + place % 2) for place, each in enumerate(reversed(digits))]
    return sum(each - 9 if each > 9 else each for each in doubled) % 10 == 0


def found_in(text: str) -> set[str]:
    """What of the above stands in a text, and cards' numbers."""
    found = {what for what, pattern in SECRET.items() if re.search(pattern, text)}
    cards = [
        re.sub(r"[ -]", "", each) for each in re.findall(r"\b[3-6]\d{3}(?:[ -]?\d{4}){2}[ -]?\d{3,4}\b", text)
    ]
    return found | {"a card's number" for each in cards if luhn(each)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"}',
            {"a token", "a bearer"},
        ),
        ("whsec_abc", {"a webhook's secret"}),
        ("key sk_test_local refused", {"a key of Stripe's"}),
        ("paid with 4242 4242 4242 4242", {"a card's number"}),
        ("ada@example.com", {"an address of mail"}),
        ('{"timestamp": 1795841350699, "request": "1f0c9f2e-4242-4242-8242-424242424241"}', set()),
    ],
)
def test_the_scan_finds_what_it_looks_for(text: str, expected: set[str]) -> None:
    """A scan that finds nothing anywhere would prove nothing."""
    assert expected == found_in(text)


def test_no_log_holds_a_secret(home: Home) -> None:
    """Every line that any function of the stack has logged so far: this test runs last."""
    told = subprocess.run(
        [sys.executable, "-m", "infra.local", "logs"],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder)},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = told.stdout.splitlines()
    assert lines
    assert [] == [(found, line) for line in lines if (found := found_in(line))]
