"""What Airflow asks a provider for, through the entry point ``apache_airflow_provider``."""

from __future__ import annotations

from typing import Any

INTEGRATION = "poisonguard"


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata."""
    return {
        "package-name": "poisonguard",
        "name": INTEGRATION,
        "description": "Scans training data for signs of poisoning and lets only approved data into training.",
        "operators": [{"integration-name": INTEGRATION, "python-modules": ["poisonguard.airflow.operators"]}],
    }
