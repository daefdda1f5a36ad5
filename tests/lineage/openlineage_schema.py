"""What the OpenLineage standard, version 2-0-2, asks of an event.

The frame is the standard's JSON Schema of a RunEvent, in our own words (the standard is under the Apache License 2.0); each
facet is compared with the class that OpenLineage's client, made from the standard, has for the address in `_schemaURL`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import attr
import openlineage.client.generated
from jsonschema import Draft202012Validator

TEXT, OBJECT = {"type": "string"}, {"type": "object"}
URI = {"type": "string", "pattern": r"^[a-z][a-z0-9+.-]*:\S+$"}
INSTANT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}
UUID = {"type": "string", "format": "uuid"}
FACETS = {"type": "object", "additionalProperties": {"$ref": "#/$defs/Facet"}}


def named(**more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"namespace": TEXT, "name": TEXT, "facets": FACETS} | more, "required": ["namespace", "name"]}


RUN_EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "eventTime": INSTANT,
        "producer": URI,
        "schemaURL": URI,
        "run": {"type": "object", "properties": {"runId": UUID, "facets": FACETS}, "required": ["runId"]},
        "job": named(),
        "inputs": {"type": "array", "items": named(inputFacets=FACETS)},
        "outputs": {"type": "array", "items": named(outputFacets=FACETS)},
    },
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "$defs": {"Facet": {"type": "object", "properties": {"_producer": URI, "_schemaURL": URI}, "required": ["_producer", "_schemaURL"]}},
}
VALIDATOR = Draft202012Validator(RUN_EVENT, format_checker=Draft202012Validator.FORMAT_CHECKER)


def problems(event: dict[str, Any]) -> list[str]:
    """What the standard does not allow in an event; empty where it is valid."""
    found = [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(event)]
    return found or [problem for path, facet in facets(event) for problem in _differences(facet, _class_of(facet["_schemaURL"]), path)]


def facets(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every facet of an event, with where it stands."""
    places = {"run": event["run"], "job": event["job"]}
    for side in ("inputs", "outputs"):
        places |= {f"{side}[{number}]": dataset for number, dataset in enumerate(event.get(side, []))}
    for place, holder in places.items():
        for group in ("facets", "inputFacets", "outputFacets"):
            for name, facet in holder.get(group, {}).items():
                yield f"{place}.{group}.{name}", facet


@cache
def classes() -> dict[str, type]:
    modules = [
        importlib.import_module(f"openlineage.client.generated.{module.name}")
        for module in pkgutil.iter_modules(openlineage.client.generated.__path__)
    ]
    found = (member for module in modules for _, member in inspect.getmembers(module, attr.has))
    return {member._get_schema(): member for member in found if hasattr(member, "_get_schema")}


def _class_of(url: str) -> type | None:
    """Null for what is under one of the standard's open definitions: custom facets have what fields they like."""
    if "/facets/" not in url:
        assert url in classes(), f"no definition of the standard: {url}"
        return None
    return classes()[url]


def _differences(value: Any, wanted: Any, path: str) -> list[str]:
    """Where a value is not of a type: one of the client's classes, or of Python's."""
    if wanted is None or wanted is Any:
        return []
    origin, parts = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        found = [_differences(value, part, path) for part in parts if part is not type(None)]
        return min(found, key=len)
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [problem for number, item in enumerate(value) for problem in _differences(item, parts[0], f"{path}[{number}]")]
    if origin is dict:
        if not isinstance(value, dict):
            return [f"{path}: no object"]
        return [problem for key, item in value.items() for problem in _differences(item, parts[1], f"{path}.{key}")]
    if not attr.has(wanted):
        return [] if isinstance(value, wanted) else [f"{path}: {value!r} is no {wanted.__name__}"]
    fields = {field.name: field for field in attr.fields(wanted)}
    hints = typing.get_type_hints(wanted)
    missing = [f"{path}: {name} is missing" for name, field in fields.items() if field.default is attr.NOTHING and name not in value]
    unknown = [f"{path}: {name} is unknown" for name in value if name not in fields]
    return missing + unknown + [p for name in value if name in fields for p in _differences(value[name], hints[name], f"{path}.{name}")]
