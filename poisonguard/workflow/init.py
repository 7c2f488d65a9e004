"""Start a project: infer column roles, write settings and policy, each line explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from poisonguard.dataset.opening import open_dataset
from poisonguard.dataset.roles import infer_roles
from poisonguard.domain.roles import Role, Roles
from poisonguard.errors import UsageError
from poisonguard.policy.builtin import builtin_policy_text
from poisonguard.reports.atomic import write_text
from poisonguard.workflow.folder import in_data
from poisonguard.workflow.settings import FILE_NAME

POLICY_NAME = "policy.yaml"


@dataclass(frozen=True, slots=True)
class Initialised:
    """What was written, and the roles that were found."""

    dataset: str
    written: tuple[Path, ...]
    roles: Roles


def init(data: str, folder: Path, *, force: bool = False) -> Initialised:
    """Write ``poisonguard.yaml`` and ``policy.yaml`` into ``folder``.

    Raises:
        UsageError: One of them exists and ``force`` is not set, or ``folder`` is part of the data; nothing is
            written then.
        DataError: Nothing is at ``data``, or it cannot be read.
    """
    if in_data(folder.resolve() / FILE_NAME, data, folder):
        raise UsageError(
            "the settings would lie in the data, where they are never believed",
            hint="Run it in another folder, for example the one above.",
        )
    paths = (folder / FILE_NAME, folder / POLICY_NAME)
    present = [path.name for path in paths if path.exists()]
    if present and not force:
        raise UsageError(f"{present[0]} exists already", hint="Use --force to write it anew.")
    with open_dataset(data) as dataset:
        roles = infer_roles(dataset.columns, dataset.peek(), {})
        name = dataset.name
    write_text(paths[1], builtin_policy_text())
    write_text(paths[0], settings_text(name, roles))
    return Initialised(name, paths, roles)


def settings_text(dataset: str, roles: Roles) -> str:
    """A settings file that states every column's role and why."""
    lines = [
        "# Settings of poisonguard: conveniences that can never weaken the policy.",
        "# Looked for from the working directory upwards, never inside the scanned data.",
        "",
        "packs: [baseline] # which checks run; `poisonguard checks list --pack baseline` shows them",
        "policy: policy.yaml # what must hold before data may be trained on",
        "",
        "datasets:",
        f"  {_quoted(dataset)}:",
        "    columns: # role: column; wrong guesses are corrected here",
    ]
    for role in Role:
        columns = [item for item in roles.assignments if item.role is role]
        if not columns:
            continue
        lines.append(f"      {role.value}:")
        lines.extend(f"        - {_quoted(item.column)} # {' '.join(item.reason.split())}" for item in columns)
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """``text`` as one YAML scalar on one line."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=False, width=float("inf")).strip()
