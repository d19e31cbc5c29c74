"""/api/v1/docs: the API's description as a page of ours, made from its OpenAPI file, without a script."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dashboard.site import SiteOf

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a member of a model. `model` names the model that `type` speaks of, if any."""

    name: str
    type: str
    model: str | None
    required: bool
    where: str
    words: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. `role` is what it takes; None: a sign-in or token of any role."""

    method: str
    path: str
    words: str
    role: str | None
    parameters: list[Field]
    body: Field | None
    answer: Field | None


@router.get("/api/v1/docs")
def docs(request: Request, site: SiteOf) -> HTMLResponse:
    """All operations by address, then all models by name."""
    described: Schema = request.app.openapi()
    models = {
        name: (schema.get("description", ""), fields(schema))
        for name, schema in sorted(described.get("components", {}).get("schemas", {}).items())
        if "properties" in schema
    }
    context = {"operations": list(operations(described)), "models": models}
    return site.templates.TemplateResponse(request, "api_docs.html", context)


def operations(described: Schema) -> Iterator[Operation]:
    """The operations of an OpenAPI description, by address."""
    for path, methods in sorted(described["paths"].items()):
        for method, operation in methods.items():
            yield Operation(
                method.upper(),
                path,
                operation.get("description", operation.get("summary", "")),
                next((role for needed in operation.get("security", []) for role in needed), None),
                [_parameter(each) for each in operation.get("parameters", [])],
                _content("body", operation.get("requestBody", {})),
                _answer(operation["responses"]),
            )


def fields(schema: Schema) -> list[Field]:
    """The members of a model."""
    required = schema.get("required", [])
    return [
        Field(name, *type_of(member), name in required, "", member.get("description", ""))
        for name, member in schema["properties"].items()
    ]


def type_of(schema: Schema) -> tuple[str, str | None]:
    """A schema's type in words, and the model in it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return name, name
    if "anyOf" in schema:
        parts = [type_of(part) for part in schema["anyOf"]]
        named = [words for words, _ in parts if words != "null"]
        return " or ".join([*named, *(["none"] if len(named) < len(parts) else [])]), _first_model(parts)
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"])), None
    if schema.get("type") == "array":
        words, model = type_of(schema.get("items", {}))
        return f"list of {words}", model
    if schema.get("type") == "object" and isinstance(schema.get("additionalProperties"), dict):
        words, model = type_of(schema["additionalProperties"])
        return f"{words} by name", model
    return str(schema.get("format", schema.get("type", "anything"))), None


def _first_model(parts: list[tuple[str, str | None]]) -> str | None:
    return next((model for _, model in parts if model), None)


def _parameter(parameter: Schema) -> Field:
    words = parameter.get("description") or parameter["schema"].get("description", "")
    return Field(
        parameter["name"], *type_of(parameter["schema"]), parameter.get("required", False), parameter["in"], words
    )


def _content(name: str, holder: Schema) -> Field | None:
    for kind, content in holder.get("content", {}).items():
        return Field(name, *type_of(content.get("schema", {})), True, kind, holder.get("description", ""))
    return None


def _answer(responses: Schema) -> Field | None:
    """The answer that says it went well; None if that one has no content."""
    return next((_content(status, answer) for status, answer in responses.items() if status.startswith("2")), None)
