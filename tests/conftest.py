"""How property tests run: no time limits, since kernels compile on first use and machines are shared."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "poisonguard",
    deadline=None,
    # The same examples in CI, so that a failure there can be repeated; developers explore new ones.
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("poisonguard")
