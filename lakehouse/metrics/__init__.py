"""KPIs: what moved them, and where.

Belongs here: the search for root causes over tables of leaves. Not here: statistics of arrays alone (stats/), tables,
assets and pages.
"""
