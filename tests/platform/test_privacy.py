"""Call records are for the installation's owner alone."""

import stat

from include.lake import tables
from include.platform import turns
from tests.running import another


def test_home_and_lake_are_closed_to_others(tmp_path) -> None:
    settings = another(tmp_path / "home", TOLLGATE_LAKE=str(tmp_path / "elsewhere" / "lake"))
    turns.make_home(settings)
    tables.create(settings.lake)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in (settings.home, settings.lake)] == [0o700, 0o700]
