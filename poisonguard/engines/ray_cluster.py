"""A connection to Ray: to a cluster whose address is given, or to one on this machine that ends with the run.

Rules:

1. A cluster is named, ``HOST:PORT``: an address that happens to lie in the environment or in a file is not taken.
2. Token authentication is on, here and on every node: without it, whoever reaches a port of Ray runs code.
3. A Ray that is started here listens on this machine only, and leaves nothing behind.
4. Every node is like the driver (``engines.alike``).

The environment variables stay set: Ray reads them once per process, and a second run needs the same token.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import tempfile
from typing import Any

from poisonguard.engines.alike import Installed, installed, refuse_difference
from poisonguard.errors import UsageError

EXTRA = "Install it: pip install 'poisonguard[ray]'."
AUTHENTICATE = (
    "Set RAY_AUTH_MODE=token and the cluster's RAY_AUTH_TOKEN_PATH (or RAY_AUTH_TOKEN) here and on every node; "
    "`ray get-auth-token --generate` makes a token."
)
CONNECT_SECONDS = 5.0
CHECK_SECONDS = 60.0
"""Long enough to start a worker process on a busy node."""
STORE_BYTES = 256 << 20
"""Ray's shared memory here: results are small, bulky states go through the work store."""
LONGEST_FOLDER = 40
"""Ray makes sockets below the folder: with more characters their paths exceed the 107 that Linux allows."""


class RayCluster:
    """A connection; ``ray`` is the module."""

    def __init__(self, address: str | None, workers: int) -> None:
        self.folder: str | None = None
        self._owned = False
        _environment(local=address is None)
        self.ray = _ray()
        try:
            if address is None:
                self._start(workers)
            else:
                self._join(address)
            self._check_nodes()
        except BaseException:  # a cluster of ours must not outlive a failure, nor a Ctrl-C
            self.close()
            raise

    def processors(self) -> int:
        """Processors of all nodes that are alive."""
        return int(self.ray.cluster_resources().get("CPU", 0))

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        if self._owned:
            self._owned = False
            self.ray.shutdown()
            _talkative(self.ray, on=True)
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _start(self, workers: int) -> None:
        if self.ray.is_initialized():
            raise UsageError("Ray is already in use in this process", hint="Name the cluster's address, HOST:PORT.")
        parent = tempfile.gettempdir()
        self.folder = tempfile.mkdtemp(prefix="pg-ray-", dir=parent if len(parent) <= LONGEST_FOLDER - 15 else "/tmp")  # noqa: S108 - mkdtemp makes it private
        self._owned = True
        self._init(
            "local",
            num_cpus=workers or None,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            _temp_dir=self.folder,
        )

    def _join(self, address: str) -> None:
        _reach(address)
        if self.ray.is_initialized():
            joined = self.ray.get_runtime_context().gcs_address
            if joined != address:
                raise UsageError(f"this process is connected to another Ray, {joined}", hint="Name that address.")
            return
        self._owned = True
        self._init(address)

    def _init(self, address: str, **options: Any) -> None:
        _talkative(self.ray, on=False)
        try:
            self.ray.init(address, log_to_driver=False, configure_logging=False, **options)
        except (OSError, RuntimeError, ValueError, AssertionError, self.ray.exceptions.RayError) as error:
            raise _refused(address, error) from error

    def _check_nodes(self) -> None:
        checks = {node["NodeID"]: self._check_on(node["NodeID"]) for node in self._nodes()}
        for node in self._nodes():
            if node["NodeID"] in checks:
                self._read_check(
                    f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})", checks[node["NodeID"]]
                )

    def _nodes(self) -> list[dict[str, Any]]:
        return [node for node in self.ray.nodes() if node["Alive"]]

    def _check_on(self, node: str) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - an extra

        there = NodeAffinitySchedulingStrategy(node, soft=False)
        return self.ray.remote(_self_told).options(num_cpus=0, scheduling_strategy=there).remote()

    def _read_check(self, name: str, check: Any) -> None:
        try:
            told, guarded = self.ray.get(check, timeout=CHECK_SECONDS)
        except self.ray.exceptions.RayError as error:
            reason = str(error).strip().rsplit("\n", 1)[-1]
            raise UsageError(
                f"node {name} cannot run poisonguard: {reason}",
                hint="Install the same poisonguard on every node, in the Python that starts Ray.",
            ) from error
        if not guarded:
            raise UsageError(f"node {name} runs Ray without token authentication", hint=AUTHENTICATE)
        refuse_difference(installed(), told, name)


def _self_told() -> tuple[Installed, bool]:
    """Runs on a node: what is installed there, and whether its Ray asks for a token."""
    return installed(), _guarded()


def _guarded() -> bool:
    from ray._raylet import AuthenticationMode, get_authentication_mode  # noqa: PLC0415 - an extra

    return bool(get_authentication_mode() == AuthenticationMode.TOKEN)


def _talkative(ray: Any, *, on: bool) -> None:
    """Ray tells on stdout that a worker died: in the midst of a report. What matters comes as an error."""
    ray._private.worker._worker_logs_enabled = on  # noqa: SLF001 - ``log_to_driver`` does not silence these


def _environment(*, local: bool) -> None:
    """What Ray reads when it is imported."""
    if "ray" in sys.modules:
        return
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    # It would hide graphics cards from workers when no task asks for one, and warns that it will stop doing so.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if local:
        # Ray's own switch for "this machine only": it listens on 127.0.0.1.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_AUTH_MODE", "token")


def _ray() -> Any:
    try:
        import ray  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise UsageError("Ray is not installed", hint=EXTRA) from error
    try:
        guarded = _guarded()
    except ImportError as error:
        raise UsageError(f"Ray {ray.__version__} knows no tokens; it takes 2.52 or newer", hint=EXTRA) from error
    if not guarded:
        raise UsageError("token authentication of Ray is off", hint=AUTHENTICATE)
    return ray


def _reach(address: str) -> None:
    """Ray itself would try for a minute."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "/" in address:
        raise UsageError(
            f"{address}: not the address of a Ray cluster",
            hint="It is HOST:PORT, as `ray start` prints it; start the scan on a node of the cluster.",
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"no Ray cluster answers at {address}: {error}", hint="Check the address.") from error


def _refused(address: str, error: Exception) -> UsageError:
    """Ray's many reasons, in one line."""
    cause = error.__cause__ or error
    text = f"{type(cause).__name__} {cause}"
    if "Auth" in text:
        return UsageError(f"the Ray cluster at {address} does not accept this token", hint=AUTHENTICATE)
    reason = str(error).strip().split("\n", 1)[0]
    return UsageError(
        f"Ray at {address} cannot be used: {reason}",
        hint="The scan is started on a node of the cluster, with the cluster's versions of Ray and Python.",
    )
