"""Who is let in at the deployed stack's doors: tokens at the API, signatures at the webhook."""

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from stripe import WebhookSignature

from infra.local import issuer
from infra.local.places import Home, Stack
from infra.local.sam import STACK_NAME
from infra.template import WEBHOOK_SECRET, secret_parameter
from tests.e2e.callers import Callers
from tests.e2e.operations import operations
from tests.ledger.tables import CREDENTIALS


class TestTokens:
    """Who may call what."""

    @pytest.fixture
    def described(self, callers: Callers) -> list[tuple[str, str, bool]]:
        """Every operation of the API, with whether it is a back end's."""
        document = callers.bearing(None).get("/openapi.json").json()
        names = {"eventType": "exports", "userId": "ada", "invoiceId": "in_1"}
        return [(each.method, each.path.format_map(names), each.of_service) for each in operations(document)]

    def test_without_a_token_nobody_is_answered(
        self, callers: Callers, described: list[tuple[str, str, bool]]
    ) -> None:
        """401 at every endpoint but the API's description."""
        stranger = callers.bearing(None)
        assert {401} == {stranger.request(method, path).status_code for method, path, _ in described}

    def test_a_token_of_the_other_kind_is_no_token(
        self, callers: Callers, user: str, described: list[tuple[str, str, bool]]
    ) -> None:
        """401: a user is no back end, and a back end no user."""
        own = callers.user(user)
        answers = {
            (own if of_service else callers.service).request(method, path).status_code
            for method, path, of_service in described
        }
        assert {401} == answers

    @pytest.mark.parametrize(
        ("claims", "status"),
        [
            ({}, 403),
            ({"scope": "billing:read"}, 403),
            ({"scope": "xbilling:service"}, 403),
            ({"scope": "billing:read billing:service"}, 200),
            ({"scope": issuer.SERVICE_SCOPE, "aud": issuer.USER_AUDIENCE}, 401),
            ({"scope": issuer.SERVICE_SCOPE, "aud": "another-product"}, 401),
            ({"scope": issuer.SERVICE_SCOPE, "iss": "https://another.example"}, 401),
            ({"scope": issuer.SERVICE_SCOPE, "exp": datetime(2025, 1, 1, tzinfo=UTC)}, 401),
        ],
        ids=str,
    )
    def test_a_back_end_needs_audience_and_scope(
        self, home: Home, stack: Stack, callers: Callers, claims: Mapping[str, object], status: int
    ) -> None:
        """Both are its own: 403 for the wrong scope, 401 for a token of somebody else's or of yesterday."""
        key = home.signing_key.read_bytes()
        signed = token(key, {"iss": stack.issuer, "aud": issuer.SERVICE_AUDIENCE, **claims})
        assert status == callers.bearing(signed).get("/quota/exports?userId=ada").status_code

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": datetime(2025, 1, 1, tzinfo=UTC)},
            {"nbf": datetime(2099, 1, 1, tzinfo=UTC), "exp": datetime(2099, 1, 2, tzinfo=UTC)},
            {"iss": "https://another.example"},
            {"aud": "another-product"},
            {"aud": ["another-product", issuer.SERVICE_AUDIENCE]},
            {"sub": ""},
        ],
        ids=str,
    )
    def test_a_users_token_is_this_issuers_for_this_api_and_now(
        self, home: Home, stack: Stack, callers: Callers, claims: Mapping[str, object]
    ) -> None:
        """401 for one of another issuer or product, of yesterday, of tomorrow, and of nobody."""
        key = home.signing_key.read_bytes()
        signed = token(key, {"iss": stack.issuer, "aud": issuer.USER_AUDIENCE, **claims})
        assert 401 == callers.bearing(signed).get("/subscription").status_code

    def test_a_public_key_signs_nothing(self, home: Home, stack: Stack, callers: Callers) -> None:
        """401 for a token whose secret is the issuer's public key, which anybody has."""
        private = load_pem_private_key(home.signing_key.read_bytes(), password=None)
        public = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        claims = {"iss": stack.issuer, "sub": "ada", "aud": issuer.USER_AUDIENCE}
        expires = datetime.now(UTC) + timedelta(hours=1)
        said = jwt.encode({**claims, "exp": expires}, "x" * 32, "HS256", headers={"kid": issuer.KEY_ID})
        signed = said.rpartition(".")[0]  # the library itself would not sign with such a key
        signature = hmac.digest(public, signed.encode(), "sha256")
        forged = f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        assert 401 == callers.bearing(forged).get("/subscription").status_code

    def test_a_stranger_signs_for_nobody(self, stack: Stack, callers: Callers) -> None:
        """401 for the right claims under another key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        signed = token(key, {"iss": stack.issuer, "sub": "ada", "aud": issuer.USER_AUDIENCE})
        assert 401 == callers.bearing(signed).get("/subscription").status_code

    def test_an_unsigned_token_is_no_token(self, stack: Stack, callers: Callers) -> None:
        """401, whatever it claims of its algorithm."""
        claims = {"iss": stack.issuer, "sub": "ada", "aud": issuer.USER_AUDIENCE}
        unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.KEY_ID})
        assert 401 == callers.bearing(unsigned).get("/subscription").status_code


def token(key: bytes | rsa.RSAPrivateKey, claims: Mapping[str, object]) -> str:
    """Return a token of the local issuer's form, good for an hour, with any claims and under any key."""
    now = datetime.now(UTC)
    usual = {"sub": "somebody", "iat": now, "exp": now + timedelta(hours=1)}
    return jwt.encode({**usual, **claims}, key, algorithm="RS256", headers={"kid": issuer.KEY_ID})


class TestWebhook:
    """What arrives at the function URL that is not Stripe's."""

    PAYLOAD = '{"id":"evt_forged","object":"event","type":"customer.deleted"}'

    @pytest.fixture
    def secret(self, stack: Stack) -> str:
        """The secret that Stripe signs with."""
        parameters = boto3.client("ssm", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
        name = secret_parameter("local", STACK_NAME, WEBHOOK_SECRET)
        found = parameters.get_parameter(Name=name, WithDecryption=True)
        return str(found["Parameter"]["Value"]).partition(",")[0]

    def send(self, stack: Stack, signature: str | None, payload: str = PAYLOAD) -> httpx.Response:
        """Send a payload under a signature."""
        headers = {"content-type": "application/json"}
        if signature is not None:
            headers["stripe-signature"] = signature
        return httpx.post(stack.webhook, content=payload, headers=headers, trust_env=False)

    @pytest.mark.parametrize("signature", [None, "", "nonsense", "t=1,v1=0", "v1=0", "t=,v1="])
    def test_what_is_not_signed_is_refused(self, stack: Stack, signature: str | None) -> None:
        """400."""
        assert 400 == self.send(stack, signature).status_code

    def test_another_secrets_signature_is_refused(self, stack: Stack) -> None:
        """400, fresh as it may be."""
        signed = WebhookSignature.generate_signature_header(self.PAYLOAD, "whsec_another")
        assert 400 == self.send(stack, signed).status_code

    @pytest.mark.parametrize("minutes", [-6, 6])
    def test_an_old_signature_is_refused(self, stack: Stack, secret: str, minutes: int) -> None:
        """400 for what was signed more than five minutes ago, or will be."""
        at = int(time.time()) + minutes * 60
        signed = WebhookSignature.generate_signature_header(self.PAYLOAD, secret, timestamp=at)
        assert 400 == self.send(stack, signed).status_code

    def test_a_signature_is_of_one_body(self, stack: Stack, secret: str) -> None:
        """400 for a body that was touched on its way."""
        signed = WebhookSignature.generate_signature_header(self.PAYLOAD, secret)
        assert 400 == self.send(stack, signed, self.PAYLOAD + " ").status_code

    def test_a_huge_body_is_refused_unread(self, stack: Stack) -> None:
        """413, signed or not."""
        assert 413 == self.send(stack, None, "x" * 400_000).status_code
