"""The gate on the command line, for tests of commands."""

import json

from evidence_fixtures import Captured
from evidence_project import poisonguard


def codes(capsys: Captured) -> list[str]:
    """Codes of the reasons that the gate printed as JSON."""
    return [reason["code"] for reason in json.loads(capsys.readouterr().out)["reasons"] if reason["exitCode"]]


def gate(*arguments: str) -> int:
    """Run the gate on the project's own dataset; its exit code."""
    return poisonguard("gate", "reviews", *arguments)
