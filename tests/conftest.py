"""How property tests run: no time limits, since kernels compile on first use and machines are shared."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "poisonguard",
    deadline=None,
    # The same examples in CI, so that a failure there can be repeated; developers explore new ones.
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("poisonguard")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the cache of whoever runs it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def files_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each file is a partition of its own, however small: a few small ones stand for a few large ones."""
    monkeypatch.setattr("poisonguard.dataset.tables.SMALL", 0)
