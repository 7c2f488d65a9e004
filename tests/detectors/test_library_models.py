"""A library that is loaded late keeps to one thread as well."""

import subprocess
import sys

SCRIPT = """
from poisonguard.detectors.learners import threads
with threads().limit(limits=1):
    from poisonguard.detectors.library_models import boosted_classifier
    boosted_classifier()
    from threadpoolctl import threadpool_info
    print([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp"])
print(sum(pool["user_api"] == "openmp" for pool in threads().info()))
"""


def test_a_pool_that_comes_with_the_library_is_limited_from_the_start() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["[1]", "1"]
