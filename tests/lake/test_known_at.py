"""A date built as it was known at an instant: without what arrived since, whatever date that is of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import psycopg
import pytest

from include.lake import build
from include.settings import Settings
from tests.ingest.desk import calls_csv
from tests.lake.receiving import receive

DAY = date(2026, 11, 16)
TRUNKS = "trunk,switch_id,party_kind,party_id,valid_from\ntg-acme,,customer,{},2026-01-01\n"
CUSTOMERS = "customer_id,legal_name,country\nc1,Acme,US\nc2,Bell,US\n"


class Days:
    def __init__(self, settings: Settings):
        self.settings = settings

    def receive(self, path: str, content: str) -> None:
        receive(self.settings, path, content)

    def attempts(self, known_at: datetime | None = None) -> dict[str, int]:
        build.build_lake(self.settings, DAY, [], known_at)
        with psycopg.connect(self.settings.url("transformer")) as connection:
            return dict(connection.execute("select party_id, attempts from lake.party_traffic_daily where party_kind = 'customer' and service_date = %s", [DAY]).fetchall())


@pytest.fixture(scope="module")
def days(warehouse: Settings) -> Iterator[Days]:
    yield Days(warehouse)


def test_a_date_is_built_again_as_it_was_known_before_later_snapshots_and_calls(days: Days):
    days.receive("reference/customers/customers-2026-11-01.csv", CUSTOMERS)
    days.receive("reference/trunks/trunks-2026-11-01.csv", TRUNKS.format("c1"))
    days.receive("cdr/standard/a.csv", calls_csv({}, {"call_id": "c2"}))
    first = datetime.now(UTC)
    assert days.attempts() == {"c1": 2}

    days.receive("cdr/standard/late.csv", calls_csv({"call_id": "c2", "release_party": "called"}, {"call_id": "c3"}))
    second = datetime.now(timezone(timedelta(hours=-5)))
    days.receive("reference/trunks/trunks-2026-11-10.csv", TRUNKS.format("c2"))
    third = datetime.now(UTC)
    assert days.attempts() == {"c2": 3}
    assert days.attempts(known_at=second) == {"c1": 3}
    assert days.attempts(known_at=first) == {"c1": 2}

    # what returns arrived only then, though its bytes were there before
    days.receive("reference/trunks/trunks-2026-11-12.csv", TRUNKS.format("c1"))
    assert days.attempts() == {"c1": 3}
    assert days.attempts(known_at=third) == {"c2": 3}
