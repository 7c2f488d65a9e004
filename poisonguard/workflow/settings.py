"""Settings: conveniences that can never weaken a policy.

``poisonguard.yaml`` is looked for from the working directory upwards, never inside the scanned data: whoever
wrote the data must not be able to say how they are scanned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from poisonguard.domain.roles import Role
from poisonguard.errors import ConfigurationError, UsageError
from poisonguard.plugin.strict_yaml import load_yaml
from poisonguard.workflow.folder import in_data, working_directory

FILE_NAME = "poisonguard.yaml"
EXAMPLE = "`poisonguard init DATA` in an empty folder writes a file to compare with."

INSTALLED = "package:"
"""An embedding model in an installed package is no path."""

Columns = dict[Role, str | tuple[str, ...]]


class DatasetSettings(BaseModel):
    """What is said of one dataset."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Columns = Field(default_factory=dict)
    packs: tuple[str, ...] = ()
    contract: str | None = None
    holdout: str | tuple[str, ...] = ()
    embeddings: str | None = None

    @property
    def holdouts(self) -> tuple[str, ...]:
        """The evaluation sets, however many are named."""
        return (self.holdout,) if isinstance(self.holdout, str) else self.holdout


class Settings(DatasetSettings):
    """The whole file; what a dataset says wins over what the file says for all."""

    datasets: dict[str, DatasetSettings] = Field(default_factory=dict)
    policy: str | None = None
    engine: Literal["threads", "processes", "ray", "dask"] | None = None
    address: str | None = None
    workers: int | None = Field(default=None, ge=1, le=256)
    cache: str | None = None
    cache_key: str | None = None

    def of(self, dataset: str) -> DatasetSettings:
        """The settings of one dataset."""
        own = self.datasets.get(dataset, DatasetSettings())
        return DatasetSettings(
            columns={**self.columns, **own.columns},
            packs=own.packs or self.packs,
            contract=own.contract or self.contract,
            holdout=own.holdouts or self.holdouts,
            embeddings=own.embeddings or self.embeddings,
        )


def find_settings(data: str, start: Path | None = None) -> Path | None:
    """The nearest settings file above the working directory that does not lie in the data."""
    folder = working_directory(start)
    for parent in (folder, *folder.parents):
        candidate = parent / FILE_NAME
        if candidate.is_file() and not in_data(candidate, data, folder):
            return candidate
    return None


def load_settings(path: Path | None) -> Settings:
    """Read a settings file; no file means the defaults.

    Raises:
        ConfigurationError: It is not valid YAML or says something unknown.
    """
    if path is None:
        return Settings()
    said = load_yaml(path, hint=EXAMPLE)
    try:
        settings = Settings.model_validate({} if said is None else said)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"]) or "top level"
        raise ConfigurationError(f"{path}: {place}: {problem['msg']}", hint=EXAMPLE) from error
    return _anchored(settings, path.resolve().parent)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Paths in a settings file are relative to it."""

    def anchor(text: str | None) -> str | None:
        return None if text is None else str(folder / text)

    def anchored(item: DatasetSettings) -> dict[str, Any]:
        holdouts = tuple(path if "://" in path else str(folder / path) for path in item.holdouts)
        model = item.embeddings
        model = model if model and model.startswith(INSTALLED) else anchor(model)
        return {"contract": anchor(item.contract), "holdout": holdouts, "embeddings": model}

    datasets = {name: item.model_copy(update=anchored(item)) for name, item in settings.datasets.items()}
    cache = settings.cache if settings.cache and "://" in settings.cache else anchor(settings.cache)
    changed = {
        **anchored(settings),
        "policy": anchor(settings.policy),
        "datasets": datasets,
        "cache": cache,
        "cache_key": anchor(settings.cache_key),
    }
    return settings.model_copy(update=changed)


def overrides(columns: Mapping[Role, str | tuple[str, ...]], options: Iterable[str]) -> dict[str, str]:
    """Column to role, from settings and from ``ROLE=NAME`` options; an option wins.

    Raises:
        UsageError: An option is not ``ROLE=NAME`` or names an unknown role.
    """
    merged = {role: (names,) if isinstance(names, str) else tuple(names) for role, names in columns.items()}
    given: dict[Role, list[str]] = {}
    for option in options:
        role, equals, name = option.partition("=")
        if not equals or not name:
            raise UsageError(f"--column {option}: not ROLE=NAME", hint="For example: --column label=sentiment")
        given.setdefault(_role(role), []).append(name)
    merged.update({role: tuple(names) for role, names in given.items()})
    return {name: role.value for role, names in merged.items() for name in names}


def _role(text: str) -> Role:
    try:
        return Role(text.strip().lower())
    except ValueError:
        raise UsageError(f"no role is called {text!r}", hint=f"Roles: {', '.join(Role)}.") from None
