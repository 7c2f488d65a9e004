"""Policies from YAML: what is read, and everything that is refused with one line."""

from pathlib import Path

import pytest

from poisonguard.domain.finding import Level
from poisonguard.domain.result import Assessment
from poisonguard.errors import ConfigurationError
from poisonguard.policy.builtin import builtin_policy_text, default_policy
from poisonguard.policy.load import load_policy
from poisonguard.policy.model import policy_digest

GOOD = """\
name: production
packs: [text, baseline]
required: [PG-DUP-001]
fail_on: warning
minimum_coverage: 90
approvers: {clean: 1, drifted: 2, suspicious: 3}
scan_max_age: 7d
approval_max_age: 90d
waivers: {checks: ["PG-DRIFT-*"], approvers: 2, max_age: 14d}
"""


def load(folder: Path, text: str | bytes) -> object:
    path = folder / "policy.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_policy(path)


def test_a_policy_is_read(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(GOOD)
    policy = load_policy(tmp_path / "policy.yaml")
    assert policy.packs == ("baseline", "text")
    assert policy.fail_on is Level.WARNING
    assert policy.approvers[Assessment.SUSPICIOUS] == 3
    assert policy.to_json()["scanMaxAge"] == "1w"
    assert policy.waivers.allows("PG-DRIFT-001")
    assert not policy.waivers.allows("PG-DUP-001")


def test_the_built_in_policy_is_the_file_that_explains_it(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(builtin_policy_text())
    policy = load_policy(tmp_path / "policy.yaml")
    assert policy == default_policy()
    assert policy_digest(policy) == policy_digest(default_policy())


def test_nothing_may_be_waived_unless_the_policy_says_so(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "".join(line for line in GOOD.splitlines(keepends=True) if "waivers" not in line)
    )
    assert not load_policy(tmp_path / "policy.yaml").waivers.allows("PG-DRIFT-001")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "document"),
        ("[]", "document"),
        ("a: [", "not valid YAML"),
        (b"\xff\xfe", "not valid YAML"),
        (GOOD + "extra: 1\n", "extra"),
        (GOOD + "fips: 'no'\n", "fips"),
        (GOOD + "fips: 1\n", "fips"),
        (GOOD + "name: other\n", "given twice"),
        (GOOD.replace("clean: 1", "clean: 0"), "fewer than one approver"),
        (GOOD.replace("clean: 1, ", ""), "approvers.clean"),
        (GOOD.replace("[text, baseline]", "[]"), "asks for no pack"),
        (GOOD.replace("warning", "fatal"), "fail_on"),
        (GOOD.replace("7d", "soon"), "not a duration"),
        (GOOD.replace("90\n", "190\n"), "percent"),
        (GOOD.replace("[text, baseline]", "&a [text]") + "more: *a\n", "aliases"),
        (GOOD.replace("production", "!!python/object/apply:os.system [id]"), "not valid YAML"),
        ("x" * 2_000_000, "larger than"),
        ("[" * 100_000, "not valid YAML"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str | bytes, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "policy.yaml") in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_policy(tmp_path / "policy.yaml")
