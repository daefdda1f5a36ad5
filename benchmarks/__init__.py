"""How fast call records reach the lake, beside others that do the same work, and notices their reviews. `make bench`; docs/performance.md."""
