"""What each answer of poisonguard means to a task."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from fake_command import FakeCommand

from poisonguard.airflow.operators import AirflowException, AirflowFailException, GateOperator, ScanOperator
from poisonguard.airflow.provider import get_provider_info

pytestmark = pytest.mark.airflow

FLIGHTS = Path(__file__).resolve().parents[2] / "sample_data" / "flights"
FINDING = {
    "check": "PG-LABEL-002",
    "title": "One source labels unlike the rest",
    "level": "error",
    "signal": "poisoning",
    "subject": "source=UA",
    "message": "320 rows of UA \u001b[31m\nare labelled unlike the rest",
    "rowCount": 320,
    "fingerprint": "0123456789abcdef",
    "waived": False,
}


class Recorder:
    """Stands where Airflow's task instance does; keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


NOTES = ["2 files hold no table (2 md): hashed,\u001b[31m not scanned"]


def report(code: int, *findings: dict[str, Any]) -> dict[str, Any]:
    reason = {"code": "finding", "message": "1 finding at error", "exitCode": code, "hint": "Look at the rows."}
    return {
        "dataset": "flights",
        "version": "pg1:00",
        "assessment": "suspicious" if findings else "clean",
        "decision": {"verdict": "FAILED" if code else "PASSED", "exitCode": code, "reasons": [reason] if code else []},
        "findings": list(findings),
        "notes": NOTES,
    }


@pytest.fixture
def command(tmp_path: Path) -> FakeCommand:
    return FakeCommand(tmp_path)


def run(operator: ScanOperator | GateOperator) -> tuple[Any, Recorder]:
    recorder = Recorder()
    return operator.execute({"ti": recorder}), recorder


def fail(operator: ScanOperator | GateOperator) -> tuple[AirflowException, Recorder]:
    recorder = Recorder()
    with pytest.raises(AirflowException) as caught:
        operator.execute({"ti": recorder})
    return caught.value, recorder


def test_passed_data_give_their_summary(command: FakeCommand) -> None:
    answer, _ = run(ScanOperator(task_id="scan", data="new", runner=command.answers(0, report(0))))
    assert answer["verdict"] == "PASSED"
    assert answer["version"] == "pg1:00"
    assert answer["assessment"] == "clean"
    assert answer["notes"] == NOTES


@pytest.mark.parametrize("code", [1, 4, 5, 6])
@pytest.mark.parametrize("operator", [ScanOperator, GateOperator])
def test_refused_data_fail_without_retry_after_the_verdict_is_pushed(
    command: FakeCommand, operator: type[ScanOperator | GateOperator], code: int
) -> None:
    error, recorder = fail(operator(task_id="task", data="new", runner=command.answers(code, report(code, FINDING))))
    assert isinstance(error, AirflowFailException)
    assert "1 finding at error" in str(error)
    verdict = recorder.pushed["return_value"]
    assert verdict["verdict"] == "FAILED"
    assert verdict["exit_code"] == code
    assert verdict["findings"][0]["fingerprint"] == FINDING["fingerprint"]


@pytest.mark.parametrize("code", [2, 3, 70, 99, 127])
def test_an_operational_error_may_be_retried(command: FakeCommand, code: int) -> None:
    path = command.answers(code, errors="error: new: no such path\nhint: check it\n")
    error, recorder = fail(ScanOperator(task_id="scan", data="new", runner=path))
    assert not isinstance(error, AirflowFailException)
    assert "no such path" in str(error)
    assert recorder.pushed["return_value"]["verdict"] == "FAILED"


def test_a_refusal_without_a_report_is_a_refusal(command: FakeCommand) -> None:
    path = command.answers(6, errors="error: the signature is not trusted\n")
    error, _ = fail(GateOperator(task_id="gate", data="new", runner=path))
    assert isinstance(error, AirflowFailException)
    assert "the signature is not trusted" in str(error)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("", None),
        ("PASSED", None),
        ("[]", None),
        ("", {"decision": {"verdict": "FAILED", "reasons": []}}),
        ("", {"decision": "PASSED"}),
        ("", {}),
    ],
)
def test_exit_code_zero_alone_is_not_a_pass(command: FakeCommand, output: str, said: Any) -> None:
    error, _ = fail(GateOperator(task_id="gate", data="new", runner=command.answers(0, said, output=output)))
    assert not isinstance(error, AirflowFailException)
    assert "could not judge" in str(error)


def test_a_command_that_cannot_be_started_is_an_operational_error(tmp_path: Path) -> None:
    error, _ = fail(ScanOperator(task_id="scan", data="new", runner=str(tmp_path / "missing")))
    assert not isinstance(error, AirflowFailException)
    assert "cannot be started" in str(error)


def test_options_become_flags_and_the_data_come_last(command: FakeCommand) -> None:
    path = command.answers(0, report(0))
    run(
        ScanOperator(
            task_id="scan",
            data="--help",
            reference="old",
            name="flights",
            packs=["baseline", "text"],
            columns={"label": "late", "feature": ["hour", "distance"]},
            holdout=["exam.jsonl", "more.csv"],
            fail_on="warning",
            reports=["scan.html"],
            runner=path,
        )
    )
    assert command.arguments == [
        "scan",
        "--format=json",
        "--reference=old",
        "--name=flights",
        "--pack=baseline",
        "--pack=text",
        "--column=label=late",
        "--column=feature=hour",
        "--column=feature=distance",
        "--holdout=exam.jsonl",
        "--holdout=more.csv",
        "--fail-on=warning",
        "--report=scan.html",
        "--",
        "--help",
    ]
    signing = {"key": "ci.key", "passphrase_file": "ci.secret"}
    run(ScanOperator(task_id="scan", data="new", runner=path, **signing))
    flags = ["--sign=ci.key", "--passphrase-file=ci.secret"]
    assert command.arguments == ["scan", "--format=json", *flags, "--", "new"]
    where = {"engine": "dask", "address": "tls://here:8786", "cache": "s3://bucket/work", "cache_key": "work.key"}
    run(ScanOperator(task_id="scan", data="new", runner=path, **where))
    flags = ["--engine=dask", "--address=tls://here:8786", "--cache=s3://bucket/work", "--cache-key=work.key"]
    assert command.arguments == ["scan", "--format=json", *flags, "--", "new"]
    evidence = {"bundle": "b.pgbundle", "revocations": "today.pgbundle"}
    run(GateOperator(task_id="gate", data="new", **evidence, min_version="3", runner=path))
    flags = ["--bundle=b.pgbundle", "--revocations=today.pgbundle", "--min-version=3"]
    assert command.arguments == ["gate", "--format=json", *flags, "--", "new"]


def test_the_task_log_explains_and_cannot_be_written_by_the_data(
    command: FakeCommand, capsys: pytest.CaptureFixture[str]
) -> None:
    path = command.answers(1, report(1, FINDING), errors="reading rows\n")
    fail(ScanOperator(task_id="scan", data="new", runner=path))
    log = capsys.readouterr().out
    assert "reading rows" in log
    assert "finding: 1 finding at error (Look at the rows.)" in log
    assert "note: 2 files hold no table (2 md): hashed,\\u{001B}[31m not scanned" in log
    assert "[source=UA] 320 rows of UA \\u{001B}[31m\\u{000A}are labelled" in log


def test_killing_the_task_ends_the_command(command: FakeCommand) -> None:
    operator = GateOperator(task_id="gate", data="new", runner=command.answers(0, report(0), seconds=60))
    worker = threading.Thread(target=fail, args=[operator])
    worker.start()
    deadline = time.monotonic() + 20
    while not command.called and time.monotonic() < deadline:
        time.sleep(0.02)
    operator.on_kill()
    worker.join(20)
    assert not worker.is_alive()


@pytest.mark.parametrize("operator", [ScanOperator, GateOperator])
def test_every_option_is_a_template_field(operator: type[ScanOperator | GateOperator]) -> None:
    options = [name for name in inspect.signature(operator.__init__).parameters if name not in {"self", "kwargs"}]
    assert tuple(operator.template_fields) == tuple(options)


def test_nothing_is_read_when_an_operator_is_made() -> None:
    operator = ScanOperator(task_id="scan", data="/no/such/folder", config="/no/such/file", runner="/no/such/command")
    assert operator.data == "/no/such/folder"


def test_a_dag_file_imports_nothing_heavy() -> None:
    heavy = {"pandas", "pyarrow", "sklearn", "scipy", "numba", "great_expectations", "datasketch", "sqlalchemy"}
    code = (
        "import sys, airflow.sdk; before = set(sys.modules)\n"
        "import poisonguard.airflow.operators\n"
        f"print(sorted((set(sys.modules) - before) & {heavy!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_the_provider_says_what_airflow_asks_for() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())
    info = get_provider_info()
    jsonschema.validate(info, schema)
    for group in info["operators"]:
        for module in group["python-modules"]:
            assert importlib.import_module(module).ScanOperator is ScanOperator


def test_airflow_knows_the_provider() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "airflow", "providers", "get", "poisonguard"], check=True, capture_output=True, text=True
    )
    assert "poisonguard" in done.stdout


def test_a_scan_in_process_passes_the_approved_version() -> None:
    answer, _ = run(ScanOperator(task_id="scan", data=str(FLIGHTS / "approved"), name="flights"))
    assert answer["verdict"] == "PASSED"
    assert answer["version"].startswith("pg1:")


def test_a_scan_in_process_keeps_its_partial_results(tmp_path: Path) -> None:
    key = tmp_path / "work.key"
    key.write_bytes(bytes(range(1, 33)))
    key.chmod(0o600)
    where = {"engine": "threads", "cache": str(tmp_path / "work"), "cache_key": str(key)}
    once, _ = run(ScanOperator(task_id="scan", data=str(FLIGHTS / "approved"), name="flights", **where))
    kept = sorted((tmp_path / "work").rglob("*.bulky"))
    again, _ = run(ScanOperator(task_id="scan", data=str(FLIGHTS / "approved"), name="flights", **where))
    assert once == again
    assert kept == sorted((tmp_path / "work").rglob("*.bulky")) != []


def test_a_scan_in_process_refuses_the_poisoned_version() -> None:
    poisoned = FLIGHTS / "next_poisoned_source_flips"
    error, recorder = fail(
        ScanOperator(task_id="scan", data=str(poisoned), name="flights", reference=str(FLIGHTS / "approved"))
    )
    assert isinstance(error, AirflowFailException)
    assert recorder.pushed["return_value"]["assessment"] == "suspicious"


def test_data_that_are_not_there_are_an_operational_error_in_process(tmp_path: Path) -> None:
    error, _ = fail(ScanOperator(task_id="scan", data=str(tmp_path / "missing")))
    assert not isinstance(error, AirflowFailException)
    assert "missing" in str(error)
