"""Arrow waits for ever on JSON Lines of several blocks, unless each file is one block."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from evidence_project import Project

READ = """
import sys
import poisonguard as pg
print(pg.open_dataset(sys.argv[1], registry=sys.argv[2]).to_table().num_rows)
"""
ROWS = 7_000


@pytest.mark.parametrize("files", [6])
def test_many_files_of_more_than_a_block_are_read(tmp_path: Path, files: int) -> None:
    project = Project.start(tmp_path)
    for name in ("a.csv", "b.csv"):
        (project.data / name).unlink()
    line = '{"text": "' + "word " * 40 + '"}\n'
    for number in range(files):
        project.write(f"part-{number}.jsonl", line * ROWS)
    project.publish()
    project.approve("ann")
    read = [sys.executable, "-c", READ, str(project.data), str(project.folder / ".poisonguard")]
    done = subprocess.run(read, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert done.stdout.strip() == str(files * ROWS), done.stderr
