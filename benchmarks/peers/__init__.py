"""Other ways to load the standard call records, written as a good engineer would write them with that tool.

Each module has `load(settings, feed) -> Counts`, as `benchmarks/tollgate.py` has: it reads the feed's files below
`settings.landing` and leaves its result in `settings.lake` or in the schema `bench` of the database. The bare peer
does nothing but convert. The others do the same checks as Tollgate:

* Every line is accounted for: read = accepted + rejected + duplicate. A rejected one is kept as sent, with line and reason.
* A row has 18 fields; the seven that `cdr/standard.yaml` requires are not empty; times are times, from 2000 to 2099, start <=
  answer <= end <= start + 24 hours; the attempt is a whole number or empty; the SIP code is 100 to 699; attestation and releasing
  party are among their words or empty.
* Caller, asserted caller and called number are brought to E.164, where they are numbers. The PostgreSQL peer does so with the three
  North American notations alone and takes all others for no numbers; it does not ask whether a number is valid.
* A row whose call, attempt and content are known already, from any of the files, is a duplicate. Of those with the same call and
  attempt but other content, the last one counts.
* Calls can be read by UTC service date. Each file has a receipt with its SHA-256, its counts, and its accepted rows by date.
"""

from __future__ import annotations

from pathlib import Path

from include.settings import Settings


def files(settings: Settings, feed: str) -> list[Path]:
    return sorted((settings.landing / feed).rglob("*.csv.gz"))
