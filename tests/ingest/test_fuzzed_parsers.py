"""The parsers that are written in Python, each for some seconds under a coverage-guided fuzzer: tests/ingest/fuzz.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import REPOSITORY


@pytest.mark.faults
@pytest.mark.parametrize("target", ["small_feeds", "xml", "declaration", "number"])
def test_no_bytes_bring_a_parser_down(tmp_path: Path, target: str):
    pytest.importorskip("atheris", reason="there is none for this machine")
    command = [sys.executable, "-m", "tests.ingest.fuzz", target, "-max_total_time=20", f"-artifact_prefix={tmp_path}/"]
    done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | {"TMPDIR": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-4_000:]
    assert "Done " in done.stderr
