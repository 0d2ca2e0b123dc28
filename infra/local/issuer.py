"""An OIDC issuer for one machine: discovery, its public key, and tokens as a real provider would sign them.

OpenID Connect Discovery 1.0 (`/.well-known/openid-configuration`) and RFC 7517 (JSON Web Key Set).
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

PATH = "/_issuer"
USER_AUDIENCE = "tollkeeper"
SERVICE_AUDIENCE = "tollkeeper-service"
SERVICE_SCOPE = "billing:service"
LIFETIME = timedelta(hours=1)
KEY_ID = "local"


def url(origin: str) -> str:
    """The issuer's name in tokens, under which it is also discovered."""
    return f"{origin}{PATH}"


def create_key(path: Path) -> None:
    """Write a new private key, unless there is one."""
    if path.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path.touch(mode=0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def user_token(key: Path, issuer: str, user_id: str, **claims: str) -> str:
    """A token of one user, good for an hour of the wall clock, that claims more, such as `org_id`."""
    return _sign(key, issuer, {"sub": user_id, "aud": USER_AUDIENCE, **claims})


def service_token(key: Path, issuer: str) -> str:
    """A token of a back end, good for an hour of the wall clock."""
    return _sign(key, issuer, {"sub": "local-service", "aud": SERVICE_AUDIENCE, "scope": SERVICE_SCOPE})


def routes(key: Path, issuer: str) -> list[BaseRoute]:
    """What the issuer serves, under its own path."""
    private = _private_key(key)
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    keys = {"keys": [public | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}]}
    configuration = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
    }

    async def openid_configuration(_: Request) -> JSONResponse:
        return JSONResponse(configuration)

    async def jwks(_: Request) -> JSONResponse:
        return JSONResponse(keys)

    return [
        Route(f"{PATH}/.well-known/openid-configuration", openid_configuration),
        Route(f"{PATH}/.well-known/jwks.json", jwks),
    ]


def _sign(key: Path, issuer: str, claims: dict[str, str]) -> str:
    now = datetime.now(UTC)
    dated = {"iss": issuer, "iat": now, "exp": now + LIFETIME, **claims}
    return jwt.encode(dated, key.read_bytes(), algorithm="RS256", headers={"kid": KEY_ID})


def _private_key(path: Path) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError(f"{path} holds no RSA key")
    return key
