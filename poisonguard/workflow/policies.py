"""Which policy holds: the one named, else the one that the nearest settings name, else the built-in one."""

from __future__ import annotations

from pathlib import Path

from poisonguard.policy.builtin import default_policy
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import Policy
from poisonguard.workflow.settings import find_settings, load_settings


def policy_in_force(path: Path | str | None = None, *, data: str = "") -> Policy:
    """The policy that holds; settings inside ``data`` are not read.

    Raises:
        ConfigurationError: It is not a valid policy.
    """
    chosen = path or load_settings(find_settings(data)).policy
    return load_policy(Path(chosen)) if chosen else default_policy()
