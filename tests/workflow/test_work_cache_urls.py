"""A work store does not lie in the data, wherever both are."""

from __future__ import annotations

import pytest

from poisonguard.errors import UsageError
from poisonguard.workflow.work_cache import refuse_in_data


@pytest.mark.parametrize(
    ("place", "data", "inside"),
    [
        ("s3://b/data", "s3://b/data", True),
        ("s3a://b/data//work/", "s3://key@b/data/", True),
        ("s3://b/data/x/../work", "s3://b/data", True),
        ("gs://b/work", "gcs://b/*.parquet", True),
        ("s3://b/data-work", "s3://b/data", False),
        ("s3://b/work", "s3://b/data", False),
        ("s3://other/data", "s3://b/data", False),
        ("gs://b/data", "s3://b/data", False),
        ("s3://b/data", "b/data", False),
        ("s3://b", "s3://b/data", False),
    ],
)
def test_a_store_at_a_url_does_not_lie_in_the_data(place: str, data: str, inside: bool) -> None:  # noqa: FBT001 - a case
    if inside:
        with pytest.raises(UsageError, match="lies in the data"):
            refuse_in_data(place, data)
    else:
        refuse_in_data(place, data)
