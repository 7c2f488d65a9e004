"""Lets Great Expectations itself judge the expectations that need it, on the row sample.

Imported only when a contract asks for it: GX takes seconds to load. Its answers are read strictly: only a
plain ``success: true`` without an exception holds (a crashed expectation is reported in two shapes).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from poisonguard.detectors.contract_exact import Verdict
from poisonguard.detectors.contract_suite import Expectation


def judge_sampled(expectations: Sequence[Expectation], rows: pa.Table, *, sampled: bool) -> list[Verdict]:
    """Verdicts on ``contract_suite.SAMPLED`` expectations, in order.

    Args:
        expectations: What to judge.
        rows: The sample.
        sampled: Whether there are more rows than the sample's.
    """
    with warnings.catch_warnings():
        # GX and what it pulls in warn about their own futures; nothing a user of ours could act on.
        warnings.simplefilter("ignore")
        return [_verdict(result, sampled=sampled) for result in _validate(expectations, rows)]


def _validate(expectations: Sequence[Expectation], rows: pa.Table) -> list[dict[str, Any]]:
    import great_expectations as gx  # noqa: PLC0415 - takes seconds, wanted only here

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("sample").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows.to_pandas()})
    results = []
    for expectation in expectations:
        suite = gx.ExpectationSuite(name="one", expectations=[_configuration(expectation)])
        results.append(batch.validate(suite).to_json_dict()["results"][0])
    return results


def _configuration(expectation: Expectation) -> dict[str, Any]:
    kwargs = {name: list(value) if isinstance(value, tuple) else value for name, value in expectation.arguments}
    return {"type": expectation.type, "kwargs": kwargs}


def _verdict(result: dict[str, Any], *, sampled: bool) -> Verdict:
    problem = _exception(result.get("exception_info") or {})
    if problem is not None:
        return Verdict(held=False, observed=f"could not be judged: {problem}", sampled=sampled)
    found = result.get("result") or {}
    judged = int(found.get("element_count") or 0) - int(found.get("missing_count") or 0)
    unexpected = int(found.get("unexpected_count") or 0)
    if "element_count" in found and judged <= 0:
        return Verdict(held=False, observed="no value to judge", sampled=sampled)
    observed = (
        f"observed {found['observed_value']}" if "observed_value" in found else f"{unexpected} of {judged} break it"
    )
    # A column without a value gives an aggregate of nothing, which GX lets pass.
    nothing = found == {"observed_value": None}
    return Verdict(result.get("success") is True and not nothing, observed, unexpected, judged, sampled)


def _exception(info: dict[str, Any]) -> str | None:
    """Message of a crash: told flat, or once per metric."""
    if info.get("raised_exception"):
        return _first_line(info)
    nested = [item for item in info.values() if isinstance(item, dict) and item.get("raised_exception")]
    return _first_line(nested[0]) if nested else None


def _first_line(info: dict[str, Any]) -> str:
    return (str(info.get("exception_message")).strip().splitlines() or ["unknown error"])[0][:200]
