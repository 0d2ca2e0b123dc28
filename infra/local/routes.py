"""What MiniStack leaves out of an HTTP API: its routes, JWT authorizers and CORS.

SAM writes them into the API's OpenAPI document, which API Gateway imports and MiniStack ignores. So that
document is read back from the deployed stack, and what it says is created through API Gateway's own calls.
"""

import boto3
from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
from pydantic import AliasPath, BaseModel, Field, ValidationError, field_validator

from infra.local.deployed import DeployedTemplate
from infra.local.errors import LocalError


class Operation(BaseModel):
    """One route: the function behind it, and whom it lets in (authorizer → scopes)."""

    function: str = Field(validation_alias=AliasPath("x-amazon-apigateway-integration", "uri"))
    security: list[dict[str, list[str]]] = []


class Authorizer(BaseModel):
    """Where a request carries its token, who must have signed it, and for whom."""

    source: str = Field(validation_alias=AliasPath("x-amazon-apigateway-authorizer", "identitySource"))
    issuer: str = Field(
        validation_alias=AliasPath("x-amazon-apigateway-authorizer", "jwtConfiguration", "issuer")
    )
    audience: list[str] = Field(
        validation_alias=AliasPath("x-amazon-apigateway-authorizer", "jwtConfiguration", "audience")
    )


class Cors(BaseModel):
    """Which pages may call, and how."""

    origins: list[str] = Field(validation_alias="allowOrigins")
    methods: list[str] = Field(validation_alias="allowMethods")
    headers: list[str] = Field(validation_alias="allowHeaders")
    max_age: int = Field(validation_alias="maxAge")


class Document(BaseModel):
    """What matters here of the document SAM generates."""

    paths: dict[str, dict[str, Operation]]
    authorizers: dict[str, Authorizer] = Field(validation_alias=AliasPath("components", "securitySchemes"))
    cors: Cors = Field(validation_alias="x-amazon-apigateway-cors")

    @field_validator("cors", mode="before")
    @classmethod
    def _survived_sam(cls, cors: object) -> object:
        # SAM's translator drops all of CorsConfiguration but AllowOrigins when that is an intrinsic function.
        if not isinstance(cors, dict):
            raise ValueError("put all of CorsConfiguration into one Fn::If, or SAM drops half of it")  # noqa: TRY004
        return cors


def supply(template: DeployedTemplate) -> None:
    """Give the stack's HTTP API what its document describes. Safe to repeat.

    Raises:
        LocalError: the document is not one that API Gateway imports.
    """
    api_id, properties = template.only("AWS::ApiGatewayV2::Api")
    try:
        document = Document.model_validate(properties["Body"])
    except ValidationError as error:
        raise LocalError(
            f"API Gateway could not import the API that template.yaml describes: {error}"
        ) from error
    gateway = boto3.client("apigatewayv2")
    _clear(gateway, api_id)
    gateway.update_api(
        ApiId=api_id,
        CorsConfiguration={
            "AllowOrigins": document.cors.origins,
            "AllowMethods": document.cors.methods,
            "AllowHeaders": document.cors.headers,
            "MaxAge": document.cors.max_age,
        },
    )
    authorizers = {
        name: gateway.create_authorizer(
            ApiId=api_id,
            Name=name,
            AuthorizerType="JWT",
            IdentitySource=[authorizer.source],
            JwtConfiguration={"Issuer": authorizer.issuer, "Audience": authorizer.audience},
        )["AuthorizerId"]
        for name, authorizer in document.authorizers.items()
    }
    for path, operations in document.paths.items():
        for method, operation in operations.items():
            _create_route(gateway, api_id, f"{method.upper()} {path}", operation, authorizers)


def _create_route(
    gateway: ApiGatewayV2Client, api_id: str, key: str, operation: Operation, authorizers: dict[str, str]
) -> None:
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=operation.function,
        PayloadFormatVersion="2.0",
    )
    target = f"integrations/{integration['IntegrationId']}"
    for requirement in operation.security:
        for name, scopes in requirement.items():
            gateway.create_route(
                ApiId=api_id,
                RouteKey=key,
                Target=target,
                AuthorizationType="JWT",
                AuthorizerId=authorizers[name],
                AuthorizationScopes=scopes,
            )
            return
    gateway.create_route(ApiId=api_id, RouteKey=key, Target=target)


def _clear(gateway: ApiGatewayV2Client, api_id: str) -> None:
    for route in gateway.get_routes(ApiId=api_id)["Items"]:
        gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    for integration in gateway.get_integrations(ApiId=api_id)["Items"]:
        gateway.delete_integration(ApiId=api_id, IntegrationId=integration["IntegrationId"])
    for authorizer in gateway.get_authorizers(ApiId=api_id)["Items"]:
        gateway.delete_authorizer(ApiId=api_id, AuthorizerId=authorizer["AuthorizerId"])
