"""`aws`: service, operation and options must be those of AWS's own description, botocore's. Secrets Manager's are run.

AWS's command line is made of the same description: an option is a field of the operation's input, in small letters with
hyphens. What is not run is answered with a made-up answer, so that `--query` has something to look at.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from botocore.session import get_session
from botocore.validate import ParamValidator

RUN = ("secretsmanager",)
GLOBAL = ("--query", "--output", "--region", "--profile")
OUTPUTS = ("json", "text", "table", "yaml")
ANYTHING = "…"
TEXT = Shape("text", {"type": "string"})
SHORTHAND = re.compile(r"(\w+)=([^,]*)")


class Refused(Exception):
    """What the real command would not take."""


def main() -> int:
    try:
        print(answer(sys.argv[1:]))
    except Refused as refused:
        print(f"aws: {refused}", file=sys.stderr)
        return 2
    return 0


def answer(words: list[str]) -> str:
    """What is printed. Raises Refused."""
    operation, given, about = _read(words)
    if operation.service_model.service_name in RUN:
        client: Any = boto3.client(operation.service_model.service_name, endpoint_url=os.environ["AWS_ENDPOINT_URL"])
        told = getattr(client, xform_name(operation.name))(**given)
        told.pop("ResponseMetadata")
    else:
        told = made_up(operation.output_shape)
    if query := about.get("--query"):
        told = _looked_up(query, told)
    if about.get("--output") == "text" and not isinstance(told, dict | list):
        return str(told)
    return json.dumps(told, default=str)


def _read(words: list[str]) -> tuple[OperationModel, dict[str, Any], dict[str, str]]:
    """Operation, its parameters, and the options that every command has."""
    operation = _operation(*words[:2])
    shape = operation.input_shape
    members: dict[str, Shape] = dict(shape.members) if isinstance(shape, StructureShape) else {}
    named = {f"--{xform_name(name, '-')}": name for name in members}
    given: dict[str, Any] = {}
    about: dict[str, str] = {}
    for option, values in _options(words[2:]):
        if option in GLOBAL:
            about[option] = values[0] if values else ""
        elif option in named:
            given[named[option]] = _value(members[named[option]], option, values)
        elif option.removeprefix("--no-") != option and f"--{option.removeprefix('--no-')}" in named:
            given[named[f"--{option.removeprefix('--no-')}"]] = False
        else:
            raise Refused(f"{' '.join(words[:2])} has no option {option}; it has {', '.join(sorted(named))}")
    if about.get("--output", "json") not in OUTPUTS:
        raise Refused(f"--output is one of {', '.join(OUTPUTS)}")
    report = ParamValidator().validate(given, shape) if shape else None
    if report and report.has_errors():
        raise Refused(f"{' '.join(words[:2])}: {report.generate_report()}")
    return operation, given, about


def known(words: list[str]) -> None:
    """A command that a sentence names, with or without what it needs. Raises Refused."""
    operation = _operation(*words[:2])
    members = getattr(operation.input_shape, "members", {})
    for word in words[2:]:
        if word.startswith("--") and word not in {*GLOBAL, *(f"--{xform_name(name, '-')}" for name in members)}:
            raise Refused(f"{' '.join(words[:2])} has no option {word}")


def _operation(service: str = "", name: str = "") -> OperationModel:
    session = get_session()
    if service not in session.get_available_services():
        raise Refused(f"there is no service {service}")
    model = session.get_service_model(service)
    names = {xform_name(each, "-"): each for each in model.operation_names}
    if name not in names:
        raise Refused(f"{service} has no operation {name}")
    return model.operation_model(names[name])


def _options(words: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each option with the words behind it."""
    places = [place for place, word in enumerate(words) if word.startswith("--")]
    if places[:1] != [0] and words:
        raise Refused(f"{words[0]} is no option")
    for place, after in zip(places, [*places, len(words)][1:], strict=True):
        name, is_joined, value = words[place].partition("=")
        yield name, [value, *words[place + 1 : after]] if is_joined else words[place + 1 : after]


def _value(shape: Shape, option: str, words: list[str]) -> Any:
    """What an option says. Raises Refused."""
    if shape.type_name == "boolean" and not words:
        return True
    if not words or (len(words) > 1 and not isinstance(shape, ListShape)):
        raise Refused(f"{option} has {len(words)} values")
    text = words[0]
    if text.startswith("file://"):
        with open(text.removeprefix("file://")) as file:
            text = file.read()
    if text[:1] in ("{", "[") and shape.type_name in ("structure", "list", "map"):
        return json.loads(text)
    if isinstance(shape, ListShape):
        parts = words if len(words) > 1 or "=" in text else text.split(",")
        return [_value(shape.member, option, [part]) for part in parts]
    if isinstance(shape, StructureShape | MapShape):
        members = shape.members if isinstance(shape, StructureShape) else {}
        pairs = SHORTHAND.findall(text)
        return {name: _value(members.get(name, TEXT), option, [value]) for name, value in pairs}
    if shape.type_name in ("integer", "long"):
        return int(text)
    return text.lower() == "true" if shape.type_name == "boolean" else text


def made_up(shape: Shape | None, within: tuple[str, ...] = ()) -> Any:
    """An answer that has every field once."""
    if isinstance(shape, StructureShape):
        deep = within.count(shape.name) > 0
        return {} if deep else {n: made_up(part, (*within, shape.name)) for n, part in shape.members.items()}
    if isinstance(shape, ListShape):
        return [made_up(shape.member, within)]
    return {} if isinstance(shape, MapShape) else ANYTHING


def _looked_up(query: str, told: Any) -> Any:
    """Raises Refused where the query finds no field of the answer."""
    try:
        found = jmespath.search(query, told)
    except jmespath.exceptions.JMESPathError as error:
        raise Refused(f"--query: {error}") from None
    if _is_empty(found):
        raise Refused(f"--query {query} finds nothing in such an answer")
    return found


def _is_empty(found: Any) -> bool:
    return found is None or (isinstance(found, list) and any(_is_empty(each) for each in found))


if __name__ == "__main__":
    sys.exit(main())
