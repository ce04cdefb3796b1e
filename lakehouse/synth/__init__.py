"""The synthetic company: a shop's landing files, and the truth about what was planted in them.

`company.generate` is the door. What belongs here: everything that makes outside files. What doesn't: reading
them back (that is `ingest/`), and any knowledge of Dagster, DuckDB or the models' SQL; the totals in
`ground_truth.json` are worked out on the generator's own arrays so that they can judge the SQL.
"""
