"""``ScanOperator`` and ``GateOperator``.

Rules:

1. Nothing is read, imported or checked while a DAG is parsed; the work starts in ``execute``.
2. The verdict is pushed to XCom before the task fails, and explained in the task log.
3. Refused data fail the task at once (``AirflowFailException``): they would be refused again. An operational
   problem fails it in the ordinary way (``AirflowException``), so that Airflow retries it.
4. The gate verifies from the registry or the bundle each time; it takes no verdict from another task.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from airflow.sdk import BaseOperator, Context

from poisonguard.airflow.answer import Answer, Meaning
from poisonguard.airflow.runners import Command, InProcess, Job, Runner

try:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException
except ImportError:  # Airflow 3.1 keeps them where 3.2 warns about them
    from airflow.exceptions import AirflowException, AirflowFailException

XCOM_KEY = "return_value"


class _PoisonguardOperator(BaseOperator):  # type: ignore[misc]  # Airflow is not installed where types are checked
    """Runs one poisonguard command and turns its answer into the task's fate."""

    ui_color = "#e8e3f4"
    _runner: Runner | None = None

    def __init__(self, *, data: str, runner: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data = data
        self.runner = runner

    def execute(self, context: Context) -> dict[str, Any]:
        """Run, explain, record, and fail unless the answer is PASSED; the summary of the answer otherwise."""
        self._runner = Command(self.runner, self.log.info) if self.runner else InProcess()
        answer = self._runner.run(self._job())
        self._explain(answer)
        summary = answer.summary()
        if answer.meaning is not Meaning.PASSED:
            context["ti"].xcom_push(key=XCOM_KEY, value=summary)
        if answer.meaning is Meaning.REFUSED:
            raise AirflowFailException(f"poisonguard refuses {self.data}: {_shown(answer.why)}")
        if answer.meaning is Meaning.BROKEN:
            raise AirflowException(f"poisonguard could not judge {self.data}: {_shown(answer.why)}")
        return summary

    def on_kill(self) -> None:
        """Stop a command of its own environment with the task."""
        if self._runner is not None:
            self._runner.cancel()

    def _job(self) -> Job:
        raise NotImplementedError

    def _explain(self, answer: Answer) -> None:
        logs = {"error": self.log.error, "warning": self.log.warning}
        for level, line in answer.lines():
            logs.get(level, self.log.info)("%s", _shown(line))


def _shown(text: str) -> str:
    """Text for the task log: findings quote the data, whose author must not write into the log."""
    from poisonguard.reports.escape import visible  # noqa: PLC0415 - not while a DAG is parsed

    return visible(text)


class ScanOperator(_PoisonguardOperator):
    """Looks for signs of poisoning; fails without retry when the policy refuses what was found.

    Args:
        data: Path, glob or URL of the data.
        reference: Version or path to compare with; the last approved version when not given.
        name: Name of the dataset; the last part of ``data`` when not given.
        packs: Packs of checks; ``baseline`` when not given.
        columns: Role to column or columns, for those whose role is not found right: ``{"label": "sentiment"}``.
        contract: Great Expectations suite that the data must meet.
        holdout: Evaluation sets whose items must not stand in the data: paths, globs or URLs.
        embeddings: Embedding model on the worker: folder, ONNX file or ``package:NAME``.
        policy: Policy file; the built-in policy when not given.
        config: Settings file.
        fail_on: Level of findings that fails the task; may only be stricter than the policy's.
        reports: Files to write; the extension says which format (``.html``, ``.json``, ``.sarif``, ``.xml``, ``.md``).
        flagged: File for the flagged rows (``.parquet``, ``.csv``, ``.jsonl``).
        key: Private key of a scanner and publisher that the worker can read: publishes the scan in the registry.
        passphrase_file: File with its passphrase; ``POISONGUARD_PASSPHRASE`` of the worker when not given.
        engine: Where rows are folded: ``threads``, ``processes``, ``ray`` or ``dask``; never changes a result.
        address: Address of the Ray or Dask cluster.
        cache: Work store, directory or URL, that keeps partial results: retries and later versions fold what is new.
        cache_key: File with the secret that proves what is in the work store; needed for a URL.
        runner: Path of a ``poisonguard`` command with an environment of its own; in process when not given.
    """

    template_fields: ClassVar[Sequence[str]] = (
        "data",
        "reference",
        "name",
        "packs",
        "columns",
        "contract",
        "holdout",
        "embeddings",
        "policy",
        "config",
        "fail_on",
        "reports",
        "flagged",
        "key",
        "passphrase_file",
        "engine",
        "address",
        "cache",
        "cache_key",
        "runner",
    )

    def __init__(  # noqa: PLR0913 - one parameter per option, all by name
        self,
        *,
        data: str,
        reference: str | None = None,
        name: str | None = None,
        packs: Sequence[str] = (),
        columns: Mapping[str, str | Sequence[str]] | None = None,
        contract: str | None = None,
        holdout: str | Sequence[str] = (),
        embeddings: str | None = None,
        policy: str | None = None,
        config: str | None = None,
        fail_on: str | None = None,
        reports: Sequence[str] = (),
        flagged: str | None = None,
        key: str | None = None,
        passphrase_file: str | None = None,
        engine: str | None = None,
        address: str | None = None,
        cache: str | None = None,
        cache_key: str | None = None,
        runner: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data=data, runner=runner, **kwargs)
        self.reference = reference
        self.name = name
        self.packs = packs
        self.columns = columns
        self.contract = contract
        self.holdout = holdout
        self.embeddings = embeddings
        self.policy = policy
        self.config = config
        self.fail_on = fail_on
        self.reports = reports
        self.flagged = flagged
        self.key = key
        self.passphrase_file = passphrase_file
        self.engine = engine
        self.address = address
        self.cache = cache
        self.cache_key = cache_key

    def _job(self) -> Job:
        options = {
            "reference": self.reference,
            "name": self.name,
            "packs": self.packs,
            "columns": self.columns,
            "contract": self.contract,
            "holdout": self.holdout,
            "embeddings": self.embeddings,
            "policy": self.policy,
            "config": self.config,
            "fail_on": self.fail_on,
            "reports": self.reports,
            "flagged": self.flagged,
            "key": self.key,
            "passphrase_file": self.passphrase_file,
            "engine": self.engine,
            "address": self.address,
            "cache": self.cache,
            "cache_key": self.cache_key,
        }
        return Job("scan", self.data, options)


class GateOperator(_PoisonguardOperator):
    """Lets the next task run only when the data are exactly an approved, fresh version.

    Give it ``outlets=[Asset("poisonguard://<dataset>")]`` to schedule training on approval: Airflow emits the
    asset only when the gate has passed.

    Args:
        data: Path or URL of the data.
        bundle: Bundle to verify from, offline.
        revocations: Newer list of revocations than the bundle's own.
        registry: Registry to verify from; the nearest ``.poisonguard`` when neither is given.
        trust: Trust root file, or the pin of one.
        policy: Policy file; the built-in policy when not given.
        name: Name of the dataset that is wanted: another dataset's approval does not do.
        version: Version that is wanted, out of a registry.
        min_version: Lowest version number that is fresh enough.
        purpose: What the data are wanted for; ``training`` when not given.
        runner: Path of a ``poisonguard`` command with an environment of its own; in process when not given.
    """

    template_fields: ClassVar[Sequence[str]] = (
        "data",
        "bundle",
        "revocations",
        "registry",
        "trust",
        "policy",
        "name",
        "version",
        "min_version",
        "purpose",
        "runner",
    )

    def __init__(  # noqa: PLR0913 - one parameter per option, all by name
        self,
        *,
        data: str,
        bundle: str | None = None,
        revocations: str | None = None,
        registry: str | None = None,
        trust: str | None = None,
        policy: str | None = None,
        name: str | None = None,
        version: str | None = None,
        min_version: int | str | None = None,
        purpose: str | None = None,
        runner: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data=data, runner=runner, **kwargs)
        self.bundle = bundle
        self.revocations = revocations
        self.registry = registry
        self.trust = trust
        self.policy = policy
        self.name = name
        self.version = version
        self.min_version = min_version
        self.purpose = purpose

    def _job(self) -> Job:
        options = {
            "bundle": self.bundle,
            "revocations": self.revocations,
            "registry": self.registry,
            "trust": self.trust,
            "policy": self.policy,
            "name": self.name,
            "version": self.version,
            "purpose": self.purpose,
            # A template gives text.
            "min_version": None if self.min_version in {None, ""} else int(self.min_version),
        }
        return Job("gate", self.data, options)
