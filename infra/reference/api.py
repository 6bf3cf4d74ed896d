"""Pages of the API: of each tag one, rendered from the document that the gateway serves at /openapi.json."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.reference.shapes import table, type_of, words

Document = Mapping[str, Any]
SHAPES = "shapes.md"
WHO = {
    "anybody": "Anybody.",
    "user": "A user: `Authorization: Bearer sk-…`, or a project's key with the user's token.",
    "owner": "An owner of the project: `Authorization: Bearer os-…`, a session of the console.",
    "operator": "The operator: `Authorization: Bearer …` with `ADMIN_KEY`, from an allowed network.",
    "payment provider": "A payment provider, by its signature.",
}


def pages(document: Document) -> dict[str, str]:
    """Every page, by its path below docs/reference."""
    tags = [tag["name"] for tag in document["tags"]]
    made = {f"api/{_slug(tag)}.md": _page(document, tag) for tag in tags}
    return {"api/index.md": _index(document, tags), **made, f"api/{SHAPES}": _shapes(document)}


def operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Method, path and operation, in the document's order."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def anchor(heading: str) -> str:
    """What GitHub calls a heading in a link."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _index(document: Document, tags: list[str]) -> str:
    text = (
        "# Routes\n\nEvery route of the gateway, from its own description, which any gateway serves at\n"
        "`/openapi.json` (OpenAPI 3.1). Errors are the same everywhere: [errors](../../errors.md).\n"
    )
    for tag in tags:
        text += f"\n## {tag}\n\n| | |\n|---|---|\n"
        for method, path, operation in operations(document):
            if operation["tags"] == [tag]:
                text += (
                    f"| [`{method} {path}`]({_slug(tag)}.md#{anchor(f'{method} {path}')}) | {operation['summary']} |\n"
                )
    return text


def _page(document: Document, tag: str) -> str:
    text = f"# {tag}\n"
    for method, path, operation in operations(document):
        if operation["tags"] == [tag]:
            text += _operation(document, method, path, operation)
    return text


def _operation(document: Document, method: str, path: str, operation: Mapping[str, Any]) -> str:
    text = f"\n## {method} {path}\n\n{operation['summary']}.\n"
    if said := operation.get("description", ""):
        text += f"\n{said}\n"
    text += f"\n**Who may ask.** {WHO[operation['x-farebox-who']]}\n"
    if parameters := operation.get("parameters", ()):
        text += "\n**Parameters**\n\n| name | where | | |\n|---|---|---|---|\n"
        text += "".join(_parameter(each) for each in parameters)
    if body := operation.get("requestBody"):
        text += _body(body, f"{method} {path}")
    text += "\n**Answers**\n"
    for status, answer in operation["responses"].items():
        if status < "400":
            text += _answer(status, answer)
    return text + _errors(document, operation)


def _parameter(parameter: Mapping[str, Any]) -> str:
    schema = parameter["schema"] | {"description": parameter["description"]}
    needed = "" if parameter["required"] else " (optional)"
    return f"| `{parameter['name']}` | {parameter['in']} | {type_of(schema, SHAPES)}{needed} | {words(schema)} |\n"


def _body(body: Mapping[str, Any], of: str) -> str:
    kinds = " or ".join(f"`{kind}`" for kind in body["content"])
    content = next(iter(body["content"].values()))
    text = f"\n**Body**{'' if body['required'] else ', which may be left out'}: {kinds}"
    fields = table(content["schema"], SHAPES)
    text += f"\n\n{fields}" if fields else f", {type_of(content['schema'], SHAPES)}\n"
    for example in content.get("examples", {}).values():
        shown = json.dumps(example["value"], ensure_ascii=False, indent=2)
        text += f"\nFor example, {example['summary']}:\n\n<!-- body {of} -->\n```json\n{shown}\n```\n"
    return text


def _answer(status: str, answer: Mapping[str, Any]) -> str:
    text = f"\n`{status}`: {answer['description']}"
    for kind, content in answer.get("content", {}).items():
        fields = table(content["schema"], SHAPES)
        shape = "" if fields else f", {type_of(content['schema'], SHAPES)}"
        text += f"\n\nAs `{kind}`{shape}" + (f":\n\n{fields}" if fields else ".")
    return text.rstrip() + "\n"


def _errors(document: Document, operation: Mapping[str, Any]) -> str:
    lines = []
    for status, told in sorted(operation["responses"].items()):
        if status >= "400":
            name = told["$ref"].rpartition("/")[2]
            schema = document["components"]["responses"][name]["content"]["application/json"]["schema"]
            codes = schema["properties"]["error"]["properties"]["code"].get("enum", [None])
            lines.append(f"| {status} | {', '.join(f'`{code}`' for code in codes if code) or 'without a code'} |\n")
    return "\n**Errors**\n\n| | `code` |\n|---|---|\n" + "".join(lines) if lines else ""


def _shapes(document: Document) -> str:
    text = "# Shapes\n\nWhat several routes take or answer with, by name.\n"
    for name, schema in sorted(document["components"]["schemas"].items()):
        said = schema.get("description", "")
        text += f"\n## {name}\n\n" + (f"{said}\n\n" if said else "")
        text += table(schema, SHAPES) or f"{type_of(schema, SHAPES)}.\n"
    return text


def _slug(tag: str) -> str:
    return re.sub("[^a-z0-9]+", "_", tag.lower()).strip("_")
