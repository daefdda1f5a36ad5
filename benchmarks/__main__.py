"""`python -m benchmarks`: measure, and print what came of it as Markdown."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import detection, notices, report, risk, suite


@dataclass(frozen=True)
class Progress:
    """Tells on standard error what goes on, from any process."""

    began: float

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", file=sys.stderr, flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=["ingest", "notices", "detection", "risk"], help="measure one of the four; without it, the first two")
    parser.add_argument("--quick", action="store_true", help="small files, once: whether it works, not how fast")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md, those of detection into docs/detection.md")
    parser.add_argument("--scale", type=float, default=1.0, metavar="SHARE", help="measure with this share of the calls, 0.1 for a tenth")
    parser.add_argument("--repeats", type=int, help="how often each loader runs; medians are told")
    parser.add_argument("--seeds", type=int, nargs="+", help="of the populations on which detection is measured")
    parser.add_argument("--days", type=int, help="of each population, or of the history that risk models look back at")
    parser.add_argument("--folder", type=Path, help="where the made-up files go, and stay for the next time; without it they are removed")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    sizes = suite.QUICK if asked.quick else suite.Sizes().scaled(asked.scale)
    size = notices.QUICK if asked.quick else notices.Size().scaled(asked.scale)
    populations = detection.QUICK if asked.quick else detection.Size().scaled(asked.scale)
    populations = replace(populations, seeds=tuple(asked.seeds or populations.seeds), days=asked.days or populations.days)
    if asked.repeats:
        sizes = replace(sizes, repeats=asked.repeats)
    load_before = os.getloadavg()[0]
    say = Progress(time.monotonic())

    def tell(name: str, text: str, page: Path = report.PAGE) -> None:
        print(text, flush=True)
        if asked.write:
            report.put(name, text, page)

    with nullcontext(asked.folder) if asked.folder else tempfile.TemporaryDirectory(prefix="tollgate-bench-") as named:
        folder = Path(named).resolve()
        if asked.only in (None, "ingest"):
            results = suite.run(folder, sizes, say)
            tell(report.INGEST, report.render(results, sizes, report.machine(f"runs each: {sizes.repeats}", load_before)))
        if asked.only in (None, "notices"):
            measured = notices.run(folder, size, say)
            tell(report.NOTICES, report.render_notices(measured, size, report.machine(f"notices: {size.notices}", load_before)))
        if asked.only == "risk":
            of_day = risk.QUICK if asked.quick else risk.Size().scaled(asked.scale)
            of_day = replace(of_day, days=asked.days or of_day.days, repeats=asked.repeats or of_day.repeats)
            costs = risk.run(folder, of_day, say)
            tell(report.RISK, report.render_risk(costs, of_day, report.machine(f"runs each: {of_day.repeats}", load_before)))
        if asked.only == "detection":
            measured = detection.run(folder, populations, say)
            how_often = f"seeds: {', '.join(map(str, populations.seeds))}"
            tell(report.DETECTION, report.render_detection(measured, populations, report.machine(how_often, load_before)), report.DETECTION_PAGE)


if __name__ == "__main__":
    main()
