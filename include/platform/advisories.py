"""Whether a locked dependency has a published vulnerability: pip-audit, in an environment of its own, asks PyPI's advisories.

Ends 0 where none is known, 1 where one is, 2 where nobody answered: an index without advisories says nothing, and that is no
good news.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from include.settings import REPOSITORY

AUDITOR = "pip-audit==2.10.1"
LOCK = REPOSITORY / "requirements.txt"

NONE_KNOWN, VULNERABLE, NO_ANSWER = 0, 1, 2


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder) / "bin" / "python"
        try:
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", AUDITOR], check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            print(f"audit: {AUDITOR} cannot be installed: {last_line(error.stderr or str(error))}")
            return NO_ANSWER
        pinned = [line for line in LOCK.read_text(encoding="utf-8").splitlines() if "==" in line]
        # One is asked about first, so that an index without advisories is not asked about all.
        for requirements in (pinned[:1], pinned):
            try:
                found = audited(python, Path(folder) / "asked.txt", requirements)
            except Unanswered as error:
                print(f"audit: no advisories: {error}")
                return NO_ANSWER
            code, lines = judged(found)
            if code == NO_ANSWER:
                break
    print("\n".join(lines))
    return code


class Unanswered(RuntimeError):
    """pip-audit came to no result."""


def audited(python: Path, file: Path, requirements: list[str]) -> list[dict[str, Any]]:
    """What pip-audit says of each of these pinned requirements. Errors: Unanswered."""
    file.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    command = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off", "--requirement", file]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        raise Unanswered(last_line(done.stderr)) from error


def judged(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """How the audit ends, and what it tells: every vulnerability, and every dependency that nobody could say anything about."""
    vulnerable = [
        f"audit: {found['name']} {found['version']}: {advisory['id']}, mended in {', '.join(advisory['fix_versions']) or 'no release'}"
        for found in dependencies
        for advisory in found.get("vulns", [])
    ]
    unanswered = [f"audit: nobody could be asked: {found['skip_reason']}" for found in dependencies if "skip_reason" in found]
    told = f"audit: {len(dependencies) - len(unanswered)} dependencies asked about, {len(vulnerable)} advisories, {len(unanswered)} without an answer"
    code = VULNERABLE if vulnerable else NO_ANSWER if unanswered else NONE_KNOWN
    return code, [*vulnerable, *unanswered, told]


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


if __name__ == "__main__":
    sys.exit(main())
