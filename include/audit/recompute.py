"""Past recommendations made again from the lake and the reference history as known then, and compared with the ledger, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import set_json_loads

from include.audit import plan, scratch
from include.audit.plan import Build, NotRecorded, Plan
from include.audit.scratch import LOOKED_BACK, Known, Scratch
from include.decisions import ledger
from include.lake import builds, tables
from include.lake.dbt import DbtFailed
from include.lake.publish import PublishMismatch
from include.settings import Settings
from include.text import visible

SQL = Path(__file__).with_name("sql")

AT_ONCE = "handle_traceback"
"""Who appends what notices make of parties at once; all other recommendations are those of the marts of a date."""

NOTHING = Known(datetime(1, 1, 1, tzinfo=UTC), 0)


@dataclass(frozen=True)
class Batch:
    """Recommendations that were appended together, from the same marts."""

    service_date: date
    actor: str
    recorded_at: datetime
    first_entry: int
    last_entry: int
    last_build: int | None
    """The build of the marts that the entries say they were made from; of entries that do not, None."""
    builds_sha256: str | None
    """What the entries keep of the record of builds."""


@dataclass(frozen=True)
class Outcome:
    """What came of making a batch again."""

    batch: Batch
    compared: int = 0
    """Parties whose recommendation was made again and compared."""
    differences: list[str] = field(default_factory=list)
    """Recommendation, field, and both values; or a file of the lake that is not what it was."""
    not_recomputed: str = ""
    """Why nothing can be said; then nothing counts as equal."""


def batches(connection: psycopg.Connection) -> list[Batch]:
    """Every batch of the ledger, in its order."""
    with connection.cursor(row_factory=class_row(Batch)) as cursor:
        return cursor.execute((SQL / "batches.sql").read_text(encoding="utf-8")).fetchall()


def recompute(settings: Settings, batch: Batch) -> Outcome:
    """Make a batch again, in a place of its own, and compare."""
    with psycopg.connect(settings.url("auditor")) as warehouse:
        warehouse.execute("set transaction isolation level repeatable read, read only")
        (digest,) = warehouse.execute("select ops.builds_digest(%s)", [batch.last_build]).fetchone()
        if batch.last_build is not None and digest != batch.builds_sha256:
            return Outcome(batch, differences=[f"ops.builds, up to build {batch.last_build}, is not what it was when entry {batch.first_entry} was appended"])
        try:
            planned = planned_for(warehouse, batch)
            changed = list(changed_files(settings.lake, warehouse, planned))
        except NotRecorded as error:
            return Outcome(batch, not_recomputed=str(error))
        if changed:
            return Outcome(batch, differences=changed)
        try:
            with scratch.scratch(settings, warehouse) as place:
                found = made_again(place, batch, planned)
            compared, differences = compare(found, stored(warehouse, batch))
        except (DbtFailed, PublishMismatch) as error:
            compared, differences = 0, [f"it cannot be made again: {visible(str(error))[:1000]}"]
    if differences and (doubts := [*planned.doubts, *doubts_of_today(settings, batch, planned)]):
        return Outcome(batch, not_recomputed=f"{len(differences)} figures differ ({differences[0]}), but {'; '.join(doubts)}")
    return Outcome(batch, compared, differences)


def planned_for(warehouse: psycopg.Connection, batch: Batch) -> Plan:
    found = warehouse.execute("select service_date from ops.processed_days where first_processed_at <= %s", [batch.recorded_at])
    processed = {day for (day,) in found}
    if not processed:
        raise NotRecorded(f"no date had been processed by {batch.recorded_at}")
    # what a notice brings at once rests on the newest processed date
    judged = max(processed) if batch.actor == AT_ONCE else batch.service_date
    return plan.make(recorded_builds(warehouse), processed, judged, batch.service_date, batch.recorded_at)


def recorded_builds(connection: psycopg.Connection) -> list[Build]:
    with connection.cursor(row_factory=class_row(Build)) as cursor:
        return cursor.execute("select * from ops.builds order by build_id").fetchall()


def changed_files(lake: Path, warehouse: psycopg.Connection, planned: Plan) -> Iterator[str]:
    """Files of calls, complaints and notices that are not what they were when the builds of then read them.

    NotRecorded where rows of a date were deleted at the end of their period.
    """
    paths = dict(warehouse.execute("select file, path from ops.file_receipts where state <> 'refused'").fetchall())
    deleted = deleted_folders(warehouse)
    for build in planned.builds:
        for name, digest in (build.files or {}).items():
            file, receipt = lake / name, tables.receipt_of(Path(name))
            if receipt not in paths:
                continue  # what a load that was cut short left; no reader ever counted it
            if str(Path(name).parent) in deleted:
                raise NotRecorded(f"{Path(name).parent} was deleted from the lake at the end of its period")
            if not file.exists():
                yield f"{name}, of {paths[receipt]}, is gone from the lake"
            elif builds.digest_of(file) != digest:
                yield f"{name}, of {paths[receipt]}, is not what it was when {build.service_date} was built from it"


def deleted_folders(warehouse: psycopg.Connection) -> set[str]:
    return {folder for (folder,) in warehouse.execute((SQL / "deleted.sql").read_text(encoding="utf-8")).fetchall()}


def made_again(place: Scratch, batch: Batch, planned: Plan) -> dict[tuple[str, str], dict[str, Any]]:
    """The content of every recommendation, by kind and id of the party, out of builds that know what was known then."""
    known = NOTHING
    place.take_dates_before(planned.first)
    for build in planned.builds:
        if build.stage == "marts":
            until = Known(build.known_at, build.ledger_head)
            place.learn(known, until, planned.first, batch.service_date)
            known = until
        place.build(build, planned.first, batch.service_date)
    place.learn(known, Known(batch.recorded_at, batch.first_entry - 1), planned.first, batch.service_date)
    verdicts = "verdicts_of_notices" if batch.actor == AT_ONCE else "verdicts_of_day"
    with psycopg.connect(place.settings.url("transformer"), row_factory=dict_row) as connection:
        to_the_last_digit(connection)
        given = {"day": batch.service_date, "recorded_at": batch.recorded_at}
        return {(row["party_kind"], row["party_id"]): row["content"] for row in connection.execute(ledger.query(verdicts), given)}


def stored(connection: psycopg.Connection, batch: Batch) -> dict[tuple[str, str], dict[str, Any]]:
    """What stood once the batch was appended: recommendation_id, is_new (it is of the batch) and content, by kind and id of the party."""
    to_the_last_digit(connection)
    given = {"day": batch.service_date, "first_entry": batch.first_entry, "last_entry": batch.last_entry}
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute((SQL / "stored.sql").read_text(encoding="utf-8"), given)
        return {(row["party_kind"], row["party_id"]): row for row in rows}


def to_the_last_digit(connection: psycopg.Connection) -> None:
    """Numbers of JSON are read as they are written; a double has fewer digits than a number may have."""
    set_json_loads(partial(json.loads, parse_float=Decimal), connection)


def compare(found: dict[tuple[str, str], dict[str, Any]], standing: dict[tuple[str, str], dict[str, Any]]) -> tuple[int, list[str]]:
    """How many parties were compared, and what differs.

    Also parties of whom the batch said nothing new: what stood of them was the same. Not those of whom only an earlier batch spoke.
    """
    differences = []
    for party, content in sorted(found.items()):
        if party not in standing:
            differences.append(f"{' '.join(party)}: recommended when made again, and not in the ledger")
            continue
        named = f"{standing[party]['recommendation_id']} ({' '.join(party)})"
        differences += [f"{named} {told}" for told in differing(standing[party]["content"], content)]
    for party, row in sorted(standing.items()):
        if row["is_new"] and party not in found:
            differences.append(f"{row['recommendation_id']} ({' '.join(party)}): in the ledger, and not recommended when made again")
    return len(found.keys() & standing.keys()), differences


def differing(stored_content: dict[str, Any], content: dict[str, Any]) -> Iterator[str]:
    """Each field that differs, with both values; of hits each rule's."""
    was, now = flat(stored_content), flat(content)
    for name in sorted(was.keys() | now.keys()):
        if was.get(name) != now.get(name):
            yield f"{name}: stored {written(was, name)}, made again {written(now, name)}"


def flat(content: dict[str, Any]) -> dict[str, Any]:
    """The content with the figures of its hits as fields of their own, as `SDC6_HIGH numerator`."""
    hits = {f"{hit['rule_code']} {name}": value for hit in content.get("hits", []) for name, value in hit.items()}
    return {name: value for name, value in content.items() if name != "hits"} | hits


def written(fields: dict[str, Any], name: str) -> str:
    if name not in fields:
        return "nothing"
    return str(fields[name]) if isinstance(fields[name], Decimal) else json.dumps(fields[name], default=str)


def doubts_of_today(settings: Settings, batch: Batch, planned: Plan) -> list[str]:
    """Why a difference may not be one: other models than those of then, another build than the entries name, or one that began meanwhile."""
    models = builds.digest_of_models()
    told = [f"build {build.build_id} was made by other models than those of today" for build in planned.builds if build.models != models][:1]
    judged = [build.build_id for build in planned.builds if build.stage == "marts"][-1]
    if judged != batch.last_build:
        told.append(f"the entries name build {batch.last_build} and not {judged}, which ended before them")
    reached = (planned.first - LOOKED_BACK).isoformat()
    with psycopg.connect(settings.url("auditor")) as connection:
        deleted = sorted(folder for folder in deleted_folders(connection) if folder.rpartition("=")[2] >= reached)
        told += [f"rows of {folder} were deleted at the end of their period" for folder in deleted[:1]]
        began = connection.execute(
            "select build_id from ops.builds where build_id > %s and (run ->> 'service_date')::date <= %s order by 1", [planned.newest, batch.service_date]
        ).fetchall()
    return told + [f"build {build_id} began meanwhile" for (build_id,) in began]
