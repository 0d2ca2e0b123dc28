"""Connections are kept, over TLS too, and one that the other side has closed costs nobody an answer."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tollkeeper.client.api import Api, NotAnsweredError
from tollkeeper.client.tokens import TokenError

NOW = datetime.now(UTC)


class OneToken:
    """The token that the API takes for good before it has given one."""

    def current(self, timeout: float) -> str:  # noqa: ARG002 - it is at hand
        """Return it."""
        return "t-0"

    def forget_token(self, token: str) -> None:
        """There is no other."""


class NoToken(OneToken):
    """An identity provider that is away."""

    def current(self, timeout: float) -> str:
        """Return none."""
        raise TokenError(f"none in {timeout} seconds")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for this machine, which it trusts for the time of a test, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tollkeeper")])
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(signed.public_bytes(pem) + text)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return file


def check(api: Api) -> int:
    """Ask something that changes nothing."""
    return api.call("GET", "/quota/apiCalls?userId=ada", None, 5).status


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_a_connection_is_kept_until_the_other_side_closes_it(certificate: Path, *, is_secure: bool) -> None:
    """Then the call is made once more on a new one: it bears an id, or changes nothing."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    stand_in = TollkeeperApi()
    with listening(stand_in, tls if is_secure else None):
        api = Api(stand_in.url.replace("http", "https" if is_secure else "http", 1), OneToken())
        assert [200, 200, 200] == [check(api) for _ in range(3)]
        assert 1 == stand_in.connections
        stand_in.hang_up()
        assert [200, 200] == [check(api) for _ in range(2)]
        assert 2 == stand_in.connections


def test_whom_the_machine_does_not_trust_is_told_nothing(certificate: Path, tmp_path: Path) -> None:
    """Neither a token nor what a user did."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    stand_in = TollkeeperApi()
    (tmp_path / "certificate.pem").unlink()
    with listening(stand_in, tls):
        api = Api(stand_in.url.replace("http", "https", 1), OneToken())
        with pytest.raises(NotAnsweredError) as error:
            check(api)
    assert error.value.is_undone
    assert 0 == stand_in.calls.total()


def test_without_a_token_nothing_is_called() -> None:
    """What needs one certainly had no effect."""
    with pytest.raises(NotAnsweredError) as error:
        check(Api("http://127.0.0.1:1", NoToken()))
    assert error.value.is_undone
