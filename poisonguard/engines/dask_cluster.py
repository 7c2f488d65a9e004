"""A connection to Dask: to a scheduler whose address is given, or to one on this machine that ends with the run.

Rules:

1. A scheduler is named, ``tls://HOST:PORT``: an address that happens to lie in Dask's configuration is not taken.
2. Without TLS whoever reaches a port of Dask runs code: plain ``tcp://`` is taken for this machine alone. Dask reads
   certificates from its own configuration (``DASK_DISTRIBUTED__COMM__TLS__...``).
3. A Dask that is started here listens on this machine only, takes connections with a certificate made for it, and
   leaves nothing behind.
4. Every worker is like the driver (``engines.alike``).
"""

from __future__ import annotations

import ipaddress
import logging
import shutil
import tempfile
from contextlib import ExitStack
from typing import Any

from poisonguard.engines.alike import installed, refuse_difference
from poisonguard.errors import UsageError

EXTRA = "Install it: pip install 'poisonguard[dask]'."
CONNECT_SECONDS = 10.0
LOOPBACK = "127.0.0.1"


class DaskCluster:
    """A connection; ``client`` is Dask's."""

    def __init__(self, address: str | None, workers: int) -> None:
        if address is not None:
            _refuse_open(address)
        self._stack = ExitStack()
        self.distributed = _distributed()
        try:
            self.client = self._stack.enter_context(self._joined(address) if address else self._started(workers))
            self._check_workers()
        except BaseException:  # a cluster of ours must not outlive a failure, nor a Ctrl-C
            self.close()
            raise

    def processors(self) -> int:
        """Threads of all workers that are alive."""
        return sum(self.client.nthreads().values())

    def close(self) -> None:
        """Leave the cluster; end it if it was started here."""
        self._stack.close()

    def _started(self, workers: int) -> Any:
        import dask  # noqa: PLC0415 - an extra

        folder = tempfile.mkdtemp(prefix="pg-dask-")
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        self._stack.enter_context(dask.config.set({"temporary-directory": folder}))
        security = self.distributed.Security.temporary()
        cluster = self.distributed.LocalCluster(
            n_workers=workers or None,
            threads_per_worker=1,
            processes=True,
            host=LOOPBACK,
            protocol="tls://",
            security=security,
            dashboard_address=None,
            worker_dashboard_address=None,
            local_directory=folder,
            silence_logs=logging.CRITICAL,
        )
        self._stack.enter_context(cluster)
        return self.distributed.Client(cluster, security=security, set_as_default=False)

    def _joined(self, address: str) -> Any:
        try:
            return self.distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, RuntimeError, TypeError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            raise UsageError(
                f"no Dask scheduler answers at {address}: {reason}",
                hint="Check the address and the TLS settings of Dask.",
            ) from error

    def _check_workers(self) -> None:
        try:
            self.client.wait_for_workers(1, CONNECT_SECONDS)
        except self.distributed.TimeoutError as error:
            raise UsageError("the Dask cluster has no worker", hint="Start one: dask worker ADDRESS.") from error
        for name, told in self.client.run(installed, on_error="return").items():
            if isinstance(told, BaseException):
                raise UsageError(
                    f"node {name} cannot run poisonguard: {told}", hint="Install the same poisonguard on every node."
                ) from told
            refuse_difference(installed(), told, name)


def _distributed() -> Any:
    try:
        import distributed  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise UsageError("Dask is not installed", hint=EXTRA) from error
    return distributed


def _refuse_open(address: str) -> None:
    scheme, separator, rest = address.partition("://")
    host = rest.rpartition(":")[0].strip("[]")
    if not separator or not host or scheme not in {"tcp", "tls"}:
        raise UsageError(
            f"{address}: not the address of a Dask scheduler",
            hint="It is tls://HOST:PORT, as `dask scheduler` prints it.",
        )
    if scheme == "tcp" and not _this_machine(host):
        raise UsageError(
            f"{address}: a Dask scheduler without TLS runs the code of whoever reaches it",
            hint="Start scheduler and workers with --protocol tls and certificates, and name it tls://HOST:PORT.",
        )


def _this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
