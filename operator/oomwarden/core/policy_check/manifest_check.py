"""Checks one object as the API server would on `kubectl apply`, and warns of what is unwise."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from typing import Any

from msgspec import Struct

from oomwarden.api.schema.crds import manifests
from oomwarden.api.schema.kinds import KINDS
from oomwarden.api.schema.structural_schema import Schema
from oomwarden.api.vocabulary import API_VERSION, GROUP
from oomwarden.core.objects.json_parts import Json, object_at
from oomwarden.core.policy.policy import CLUSTER, NAMESPACED
from oomwarden.core.policy_check.cel_rules import rule_errors
from oomwarden.core.policy_check.defaults import completed
from oomwarden.core.policy_check.field_errors import RULES_NOT_CHECKED, FieldError
from oomwarden.core.policy_check.namespaced_floor import below_floor
from oomwarden.core.policy_check.object_metadata import metadata_errors, type_error
from oomwarden.core.policy_check.policy_warnings import policy_warnings
from oomwarden.core.policy_check.schema_rules import schema_errors, set_errors
from oomwarden.core.policy_check.strict_decoding import suggestion, unknown_paths

POLICY_KINDS = (NAMESPACED, CLUSTER)
_STRICT = "strict decoding error: {} field {}"


class Stage(StrEnum):
    """Where the API server would stop."""

    RESOURCE = "Resource"
    DECODING = "Decoding"
    VALIDATION = "Validation"
    ADMISSION = "Admission"


class CheckError(Struct, frozen=True):
    """Why the API server would refuse an object.

    Attributes:
        stage: Where it would stop.
        path: The field; empty for the whole object.
        sentence: Its words.
        hint: What was probably meant.
    """

    stage: Stage
    path: str
    sentence: str
    hint: str = ""


class CheckWarning(Struct, frozen=True):
    """What is allowed, and probably not meant."""

    path: str
    reason: str
    message: str


class CheckResult(Struct, frozen=True):
    """What is wrong with one object.

    Attributes:
        errors: In the order in which the API server looks. It stops after the first stage that
            has errors; the others are what it would say next.
        warnings: Only of an object without errors.
    """

    errors: tuple[CheckError, ...] = ()
    warnings: tuple[CheckWarning, ...] = ()

    @property
    def refusal(self) -> tuple[str, ...]:
        """The sentences that the API server would answer with."""
        stage = self.errors[0].stage if self.errors else None
        return tuple(each.sentence for each in self.errors if each.stage == stage)


def resource_error(manifest: Json) -> str:
    """Return why kubectl does not know what an object is; empty if it may be something else."""
    version, kind = manifest.get("apiVersion"), manifest.get("kind")
    for name, value in (("Kind", kind), ("apiVersion", version)):
        if not isinstance(value, str) or not value:
            return f"Object '{name}' is {'not text' if value else 'missing'}"
    return _no_match(str(version), str(kind))


def _no_match(version: str, kind: str) -> str:
    is_policy, is_ours = kind in POLICY_KINDS, version.split("/", maxsplit=1)[0] == GROUP
    if not (is_policy or is_ours) or (is_policy and version == API_VERSION):
        return ""
    unknown = f'no matches for kind "{kind}" in version "{version}"'
    if version != API_VERSION:
        return f"{unknown}: write apiVersion: {API_VERSION}"
    names = {each.name.lower(): each.name for each in KINDS}
    if kind in names.values():
        return ""
    near = get_close_matches(kind.lower(), names, 1, 0.6)
    return f"{unknown}: did you mean {names[near[0]]}?" if near else unknown


@cache
def schema_of(kind: str) -> Schema:
    """Return the schema of a kind of policy, as the API server has it."""
    plural = next(each.plural for each in KINDS if each.name == kind)
    schema: Schema = manifests()[plural]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def check_policy(
    manifest: Mapping[str, Any], duplicates: Iterable[str] = (), floor: int | None = None
) -> CheckResult:
    """Check an OOMPolicy or ClusterOOMPolicy.

    Args:
        manifest: The object.
        duplicates: Paths of fields that its text has twice.
        floor: The chart's namespacedFloor; None if it is `kubelet`.
    """
    kind = str(manifest["kind"])
    schema, metadata = schema_of(kind), object_at(manifest, "metadata")
    decoding = list(_decoding_errors(manifest, schema, duplicates))
    found = completed({k: v for k, v in manifest.items() if k != "status"}, schema)
    validation = [] if type_error(manifest.get("metadata")) else list(metadata_errors(metadata))
    validation += _validation_errors(found, schema)
    if any(each.blocks_rules for each in validation):
        validation.append(RULES_NOT_CHECKED)
    else:
        validation += rule_errors(found, schema, "")
    errors = [*decoding, *(_of_field(each) for each in validation)]
    spec = object_at(found, "spec")
    if not validation and kind == NAMESPACED and floor is not None:
        sentence = below_floor(spec, floor)
        path = sentence.split(" ")[0]
        errors += [CheckError(Stage.ADMISSION, path, sentence)] if sentence else []
    warnings = () if errors else policy_warnings(kind, metadata, spec)
    return CheckResult(
        tuple(errors),
        tuple(CheckWarning(path, each.reason, each.message) for path, each in warnings),
    )


def _decoding_errors(
    manifest: Json, schema: Schema, duplicates: Iterable[str]
) -> Iterator[CheckError]:
    if misfit := type_error(manifest.get("metadata")):
        yield CheckError(Stage.DECODING, "metadata", misfit)
        return
    for path in duplicates:
        yield CheckError(Stage.DECODING, path, _STRICT.format("duplicate", f'"{path}"'))
    for path in unknown_paths(manifest, schema):
        meant = suggestion(path, schema)
        sentence = _STRICT.format("unknown", f'"{path}"')
        yield CheckError(Stage.DECODING, path, sentence, meant and f"did you mean {meant}?")


def _validation_errors(found: dict[str, Any], schema: Schema) -> Iterator[FieldError]:
    rest = {key: each for key, each in found.items() if key != "metadata"}
    yield from schema_errors(rest, schema, "")
    yield from set_errors(rest, schema, "")


def _of_field(error: FieldError) -> CheckError:
    return CheckError(Stage.VALIDATION, error.path, error.sentence)
