"""The two file operations that the lake's materialization calls from SQL."""

from __future__ import annotations

import duckdb
import pytest

from include.lake.partition_files import Plugin, make_folder, replace_file


def test_a_folder_is_made_with_its_parents_and_may_be_there(tmp_path):
    folder = tmp_path / "daily" / "model" / "service_date=2026-11-20"
    assert make_folder(str(folder)) == make_folder(str(folder)) == str(folder)
    assert folder.is_dir()


def test_a_finished_file_takes_the_place_of_the_older_one(tmp_path):
    unfinished, finished = tmp_path / ".part-0.unfinished", tmp_path / "part-0.parquet"
    finished.write_text("old")
    unfinished.write_text("new")
    replace_file(str(unfinished), str(finished))
    assert [path.name for path in tmp_path.iterdir()] == ["part-0.parquet"]
    assert finished.read_text() == "new"


def test_a_file_that_was_not_written_leaves_the_older_one(tmp_path):
    finished = tmp_path / "part-0.parquet"
    finished.write_text("old")
    with pytest.raises(FileNotFoundError):
        replace_file(str(tmp_path / ".part-0.unfinished"), str(finished))
    assert finished.read_text() == "old"


def test_sql_calls_both_every_time_and_an_error_reaches_it(tmp_path):
    with duckdb.connect() as connection:
        Plugin("partition_files", {}).configure_connection(connection)
        for _ in range(2):  # not folded away as constants
            connection.execute(f"select make_folder('{tmp_path}/a')").fetchall()
            (tmp_path / "a").rmdir()
        with pytest.raises(duckdb.Error, match="FileNotFoundError"):
            connection.execute(f"select replace_file('{tmp_path}/no', '{tmp_path}/part')").fetchall()
