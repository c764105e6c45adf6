"""Suites, cells, records: planning, running and storing experiments."""
