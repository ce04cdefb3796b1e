"""Experiments: from exposures and facts to one readout per experiment.

Belongs here: the registry of experiments and the metrics that they share (YAML), the tables of units, sums and panels
built from them in DuckDB, readouts and their verdicts. Not here: the statistics themselves (stats/), the feeds and facts
that are read (contracts/, models/), the orchestrator (defs/).

The way of an experiment: experiment.py and metric.py (what YAML may say), load.py and binding.py (read and checked), then
eligibility.py -> measure.py -> units.py -> sums.py, slices.py (randomized), panel.py (quasi-experiments) and finance.py,
called in that order by build.py; schema.yml describes the tables.
"""
