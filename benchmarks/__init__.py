"""How fast call records reach the lake, beside others that do the same work. `make bench`; docs/performance.md."""
