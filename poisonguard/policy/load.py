"""A policy from a YAML file: strict, every member known, every wrong one named."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, ValidationError

from poisonguard.attest.times import parse_duration
from poisonguard.domain.finding import Level
from poisonguard.domain.result import Assessment
from poisonguard.errors import ConfigurationError, UsageError
from poisonguard.plugin.strict_yaml import load_yaml
from poisonguard.policy.model import Policy, WaiverRule

HINT = "See docs/reference/policy.md."


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Approvers(_Strict):
    clean: StrictInt
    drifted: StrictInt
    suspicious: StrictInt


class _Waivers(_Strict):
    checks: list[str]
    approvers: StrictInt = 1
    max_age: str = "30d"


class _PolicyFile(_Strict):
    """The file's members; see docs/reference/policy.md."""

    name: str = Field(min_length=1)
    packs: list[str]
    required: list[str] = []
    fail_on: Level = Level.ERROR
    fail_on_poisoning: Level = Level.WARNING
    minimum_coverage: StrictInt = 100
    approvers: _Approvers
    scan_max_age: str
    approval_max_age: str
    waivers: _Waivers = _Waivers(checks=[])
    fips: StrictBool = False


def load_policy(path: Path) -> Policy:
    """Read a policy.

    Raises:
        ConfigurationError: There is no such file, or it is not a valid policy.
    """
    said = load_yaml(path, hint=HINT)
    try:
        return _to_policy(_PolicyFile.model_validate(said))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "document"
        raise ConfigurationError(f"{path}: {place}: {problem['msg']}", hint=HINT) from error
    except UsageError as error:
        raise ConfigurationError(f"{path}: {error.message}", hint=error.hint) from error


def _to_policy(file: _PolicyFile) -> Policy:
    return Policy(
        name=file.name,
        packs=_as_set(file.packs),
        required=_as_set(file.required),
        fail_on=file.fail_on,
        fail_on_poisoning=file.fail_on_poisoning,
        minimum_coverage=file.minimum_coverage,
        approvers={word: getattr(file.approvers, word.value) for word in Assessment},
        scan_max_age=parse_duration(file.scan_max_age),
        approval_max_age=parse_duration(file.approval_max_age),
        waivers=WaiverRule(_as_set(file.waivers.checks), file.waivers.approvers, parse_duration(file.waivers.max_age)),
        fips=file.fips,
    )


def _as_set(values: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
