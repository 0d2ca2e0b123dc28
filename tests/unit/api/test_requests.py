"""What is read of a request, as API Gateway hands it over."""

from base64 import b64encode
from typing import Any

import pytest

from tollkeeper.api.authorization import Authorizer, ForbiddenError, UnauthenticatedError
from tollkeeper.api.requests import TooLargeError, read_body
from tollkeeper.rules.fields import InvalidFieldError

AUTHORIZER = Authorizer("tollkeeper", "tollkeeper-service", "billing:service")
ORGANISATIONS = Authorizer(
    "tollkeeper", "tollkeeper-service", "billing:service", "https://acme.dev/org", "cognito:groups=payers=all"
)
COGNITO = Authorizer("2users", "1service", "tollkeeper/billing")
MEGABYTE = 1_048_576


def sent(body: bytes, *, encoded: bool) -> dict[str, Any]:
    """A request with a body, in base64 or as it is."""
    return {"body": b64encode(body).decode() if encoded else body.decode(), "isBase64Encoded": encoded}


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("character", ["x", "é"])
def test_a_megabyte_is_read_and_no_more(character: str, encoded: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """The bytes of the body itself count, however it is handed over."""
    full = (character * MEGABYTE).encode()[:MEGABYTE]
    assert full.decode() == read_body(sent(full, encoded=encoded))
    with pytest.raises(TooLargeError, match="at most 1048576 bytes"):
        read_body(sent(full + b"x", encoded=encoded))


@pytest.mark.parametrize("event", [{}, {"body": None}, {"body": ""}])
def test_no_body_is_an_empty_one(event: dict[str, Any]) -> None:
    """Whoever sends none has sent nothing."""
    assert read_body(event) == ""


def test_what_is_no_text_is_no_json() -> None:
    """Bytes that no UTF-8 is made of."""
    with pytest.raises(InvalidFieldError, match="body: must be JSON"):
        read_body(sent(b"\xff", encoded=True))


def bearing(claims: object) -> dict[str, Any]:
    """A request with a token that API Gateway has verified."""
    return {"requestContext": {"authorizer": {"jwt": {"claims": claims, "scopes": None}}}}


@pytest.mark.parametrize("audience", ["tollkeeper", "[tollkeeper another]", ["tollkeeper", "another"]])
def test_a_user_has_a_token_for_users(audience: object) -> None:
    """Of theirs alone or among others: API Gateway hands a list over as a text in brackets."""
    assert "ada" == AUTHORIZER.user(bearing({"sub": "ada", "aud": audience}))


@pytest.mark.parametrize("claims", [{}, {"sub": ""}, {"sub": None}, {"org_id": "acme"}])
def test_a_token_that_names_nobody_is_none(claims: dict[str, Any]) -> None:
    """Nobody is not a user."""
    with pytest.raises(UnauthenticatedError):
        AUTHORIZER.user(bearing({"aud": "tollkeeper", **claims}))


def test_the_claim_that_the_deployer_names_names_the_user() -> None:
    """So an organisation is one user, whoever of its members calls."""
    for member in ("ada", "ben"):
        claims = {"sub": member, "aud": "tollkeeper", "https://acme.dev/org": "org_1"}
        assert "org_1" == ORGANISATIONS.user(bearing(claims))


@pytest.mark.parametrize("org", [{}, {"https://acme.dev/org": ""}, {"org": "org_1"}, {"user_claim": "org_1"}])
def test_without_that_claim_a_token_names_nobody_and_never_its_subject(org: dict[str, str]) -> None:
    """A person outside of an organisation would else be billed as one."""
    with pytest.raises(UnauthenticatedError):
        ORGANISATIONS.user(bearing({"sub": "ada", "aud": "tollkeeper", **org}))


def test_every_user_may_buy_unless_the_deployer_says_otherwise() -> None:
    """Whatever else their token says."""
    assert "ada" == AUTHORIZER.buyer(bearing({"sub": "ada", "aud": "tollkeeper", "role": "guest"}))


@pytest.mark.parametrize("groups", ["payers=all", "[staff payers=all]", ["staff", "payers=all"]])
def test_a_member_whose_token_says_so_may_buy(groups: object) -> None:
    """By a claim that is the value, or lists it."""
    claims = {"aud": "tollkeeper", "https://acme.dev/org": "org_1", "cognito:groups": groups}
    assert "org_1" == ORGANISATIONS.buyer(bearing(claims))


@pytest.mark.parametrize(
    "groups", [None, "", "payers", "payers=al", "[staff payers]", "staff payers=all", ["payers", "all"], True]
)
def test_another_member_is_told_what_their_token_lacks(groups: object) -> None:
    """They are known, and see what is bought, but do not change it."""
    claims = {"aud": "tollkeeper", "https://acme.dev/org": "org_1", "cognito:groups": groups}
    assert "org_1" == ORGANISATIONS.user(bearing(claims))
    with pytest.raises(ForbiddenError, match="the claim cognito:groups must be, or list, payers=all"):
        ORGANISATIONS.buyer(bearing(claims))


def test_who_is_no_user_may_not_buy_either() -> None:
    """Whatever else the token says."""
    with pytest.raises(UnauthenticatedError):
        ORGANISATIONS.buyer(bearing({"sub": "ada", "aud": "tollkeeper", "cognito:groups": "payers=all"}))


@pytest.mark.parametrize("audience", ["tollkeeper-service", "[another more]", "tollkeeper another", "", None])
def test_a_token_for_others_is_no_users(audience: str | None) -> None:
    """It names somebody, but not to us."""
    with pytest.raises(UnauthenticatedError):
        AUTHORIZER.user(bearing({"sub": "ada", "aud": audience}))


@pytest.mark.parametrize(
    "granted",
    [
        {"scope": "billing:service"},
        {"scope": "openid billing:service"},
        {"scp": "[openid billing:service]"},
        {"scp": ["openid", "billing:service"]},
        {"scope": "openid", "scp": "billing:service"},
    ],
)
def test_a_service_has_a_token_for_services_with_the_scope(granted: dict[str, Any]) -> None:
    """Whichever way its provider writes what is granted."""
    AUTHORIZER.service(bearing({"aud": "tollkeeper-service", **granted}))


@pytest.mark.parametrize(
    "granted", [{}, {"scope": "billing:read"}, {"scope": "xbilling:service"}, {"scope": "billing:service:x"}]
)
def test_a_service_without_the_scope_is_told_which(granted: dict[str, str]) -> None:
    """It is known, but has no right to this."""
    with pytest.raises(ForbiddenError, match=r"scope billing:service\."):
        AUTHORIZER.service(bearing({"aud": "tollkeeper-service", **granted}))


def test_a_users_token_is_no_services_whatever_it_is_granted() -> None:
    """The audience comes first."""
    with pytest.raises(UnauthenticatedError):
        AUTHORIZER.service(bearing({"sub": "ada", "aud": "tollkeeper", "scope": "billing:service"}))


def test_a_token_without_an_audience_is_for_its_client() -> None:
    """So are Cognito's access tokens; its scopes begin with their resource server. `aud` goes before."""
    COGNITO.service(bearing({"client_id": "1service", "scope": "tollkeeper/billing"}))
    with pytest.raises(UnauthenticatedError):
        COGNITO.service(bearing({"client_id": "1service", "aud": "other", "scope": "tollkeeper/billing"}))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": {}},
        {"requestContext": {"authorizer": None}},
        {"requestContext": {"authorizer": {"iam": {}}}},
        bearing(None),
        bearing({}),
    ],
    ids=str,
)
def test_without_an_authorizer_nobody_is_let_in(event: dict[str, Any]) -> None:
    """A route that has lost its authorizer is closed."""
    for admit in (AUTHORIZER.user, AUTHORIZER.buyer, AUTHORIZER.service):
        with pytest.raises(UnauthenticatedError):
            admit(event)
