"""What tasks need not import again."""

from __future__ import annotations

import json
import subprocess
import sys

from include.settings import REPOSITORY

IMPORTED = """
import json, sys
import airflow.__main__
from include.platform import preloaded
preloaded.load()
before = set(sys.modules)
import include.stages
print(json.dumps({"by tasks": sorted(set(sys.modules) - before), "before": sorted(before)}))
"""


def test_tasks_import_no_library_that_is_not_loaded_before_and_no_code_of_ours_is():
    done = subprocess.run([sys.executable, "-c", IMPORTED], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    imported = json.loads(done.stdout.splitlines()[-1])
    libraries = {name.split(".")[0] for name in imported["by tasks"]} - {"include"} - sys.stdlib_module_names
    assert libraries - {"pyexpat"} == set()
    assert [name for name in imported["before"] if name.startswith("include")] == ["include", "include.platform", "include.platform.preloaded"]
