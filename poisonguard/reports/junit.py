"""JUnit XML, for the test page of any CI system: one test case per check, and one for the policy's decision.

A check fails when one of its findings made the policy fail; lesser and waived findings are its output. A check
that broke is an error, a skipped one is skipped. The decision is a case of its own, because it may fail for a
reason that no check speaks for (too little coverage, a missing check).
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from poisonguard.domain.decision import Verdict
from poisonguard.domain.result import ScanResult
from poisonguard.domain.wording import count
from poisonguard.reports.escape import visible
from poisonguard.reports.view import CheckView, FindingView, Status, check_views, headline, where

DECISION = "policy decision"


def render(result: ScanResult) -> str:
    """The result as a JUnit XML document."""
    checks = check_views(result)
    suite = Element("testsuite", name=visible(f"poisonguard {result.dataset}"))
    _properties(suite, result)
    for check in checks:
        _case(suite, check)
    _decision(suite, result)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(list(suite.iter(tag)))))
    root = Element("testsuites", {key: suite.get(key, "0") for key in ("tests", "failures", "errors", "skipped")})
    root.append(suite)
    indent(root)
    # ``##`` may begin a command to the CI system that prints this.
    text = tostring(root, encoding="unicode").replace("##", "#&#35;")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _properties(suite: Element, result: ScanResult) -> None:
    holder = SubElement(suite, "properties")
    values = {
        "tool": f"poisonguard {result.tool_version}",
        "version": result.version,
        "reference": result.reference or "",
        "pack": result.pack,
        "packDigest": result.pack_digest,
        "policyDigest": result.policy_digest,
        "assessment": result.assessment.value,
    }
    for name, value in values.items():
        SubElement(holder, "property", name=name, value=visible(value))


def _case(suite: Element, check: CheckView) -> None:
    case = SubElement(suite, "testcase", classname="poisonguard", name=visible(f"{check.id} {check.title}"))
    if check.status is Status.FAILED:
        SubElement(case, "error", type="check-failed", message=visible(check.detail))
    elif check.status is Status.SKIPPED:
        SubElement(case, "skipped", message=visible(check.detail))
    failing = [view for view in check.findings if view.fails]
    other = [view for view in check.findings if not view.fails]
    if failing:
        first = failing[0].finding
        failure = SubElement(case, "failure", type=first.level.value, message=visible(first.message))
        failure.text = _listing(failing)
    if other or (check.status is Status.PASSED and check.detail):
        SubElement(case, "system-out").text = _listing(other) if other else visible(check.detail)


def _listing(views: Sequence[FindingView]) -> str:
    """Findings as lines of plain text."""
    blocks = []
    for view in views:
        finding = view.finding
        waived = ", waived" if view.waived else ""
        lines = [
            f"[{finding.level}{waived}] {finding.message}",
            f"compared with: {finding.compared_with}",
            f"where: {where(finding)}",
            f"fingerprint: {finding.fingerprint}",
        ]
        blocks.append("\n".join(visible(line) for line in lines))
    return "\n\n".join(blocks)


def _decision(suite: Element, result: ScanResult) -> None:
    case = SubElement(suite, "testcase", classname="poisonguard", name=DECISION)
    reasons = "\n".join(visible(reason.message) for reason in result.decision.reasons)
    if result.decision.verdict is Verdict.FAILED:
        text = f"{count(len(result.decision.reasons), 'reason')} (exit code {result.decision.exit_code})"
        SubElement(case, "failure", type="decision", message=f"{headline(result)} {text}").text = reasons
    else:
        SubElement(case, "system-out").text = f"{headline(result)}\n{reasons}".rstrip()
