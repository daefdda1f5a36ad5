"""Past recommendations made again from what was known then, and what audits of that leave behind."""
