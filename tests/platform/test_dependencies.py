"""What is installed is what the lock says, to the version; and an audit that nobody answered is not taken for a good one."""

from __future__ import annotations

from importlib import metadata

import pytest
from packaging.requirements import Requirement

from include.platform import advisories
from include.settings import REPOSITORY


def requirements(name: str) -> list[Requirement]:
    lines = (REPOSITORY / name).read_text().splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def test_every_dependency_is_locked_to_one_version():
    locked = requirements("requirements.txt")
    assert [str(given) for given in locked if [each.operator for each in given.specifier] != ["=="] or given.url] == []
    assert {plain(given.name) for given in requirements("requirements.in")} <= {plain(given.name) for given in locked}


def test_what_is_installed_is_what_is_locked():
    locked = {plain(given.name): given.specifier for given in requirements("requirements.txt") if applies(given)}
    installed = {name: metadata.version(name) for name in locked}
    assert {name: version for name, version in installed.items() if version not in locked[name]} == {}


def test_nothing_installed_misses_what_it_needs():
    wanted = [
        (dist.name, needed) for dist in metadata.distributions() for needed in map(Requirement, dist.requires or []) if applies(needed)
    ]
    assert len(wanted) > 100
    assert [(name, str(needed)) for name, needed in wanted if not needed.specifier.contains(metadata.version(needed.name), prereleases=True)] == []


ASKED = {"name": "one", "version": "1.0", "vulns": []}
NOT_ASKED = {"name": "two", "skip_reason": "Dependency not found on PyPI and could not be audited: two (2.0)"}
BAD = {"name": "three", "version": "3.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3.1"]}]}


@pytest.mark.parametrize(
    ("dependencies", "code"),
    [
        ([ASKED], advisories.NONE_KNOWN),
        ([ASKED, NOT_ASKED], advisories.NO_ANSWER),
        ([ASKED, NOT_ASKED, BAD], advisories.VULNERABLE),
    ],
)
def test_an_audit_ends_well_only_where_all_was_answered(dependencies: list[dict], code: int):
    ended, lines = advisories.judged(dependencies)
    assert ended == code
    assert ("PYSEC-1, mended in 3.1" in lines[0]) == (BAD in dependencies)
    assert any("nobody could be asked" in line for line in lines) == (NOT_ASKED in dependencies)
