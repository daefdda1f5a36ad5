"""`python -m benchmarks`: measure, and print what came of it as Markdown."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from benchmarks import notices, report, suite


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=["ingest", "notices"], help="measure one of the two")
    parser.add_argument("--quick", action="store_true", help="small files, once: whether it works, not how fast")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument("--scale", type=float, default=1.0, metavar="SHARE", help="measure with this share of the calls, 0.1 for a tenth")
    parser.add_argument("--repeats", type=int, help="how often each loader runs; medians are told")
    parser.add_argument("--folder", type=Path, help="where the made-up files go, and stay for the next time; without it they are removed")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    sizes = suite.QUICK if asked.quick else suite.Sizes().scaled(asked.scale)
    size = notices.QUICK if asked.quick else notices.Size().scaled(asked.scale)
    if asked.repeats:
        sizes = replace(sizes, repeats=asked.repeats)
    began, load_before = time.monotonic(), os.getloadavg()[0]

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {text}", file=sys.stderr, flush=True)

    def tell(name: str, text: str) -> None:
        print(text, flush=True)
        if asked.write:
            report.put(name, text)

    with nullcontext(asked.folder) if asked.folder else tempfile.TemporaryDirectory(prefix="tollgate-bench-") as named:
        folder = Path(named).resolve()
        if asked.only != "notices":
            results = suite.run(folder, sizes, say)
            tell(report.INGEST, report.render(results, sizes, report.machine(f"runs each: {sizes.repeats}", load_before)))
        if asked.only != "ingest":
            ways = notices.run(folder, size, say)
            tell(report.NOTICES, report.render_notices(ways, size, report.machine(f"notices: {size.notices}", load_before)))


if __name__ == "__main__":
    main()
