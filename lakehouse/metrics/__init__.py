"""KPIs: definitions in YAML, their values by day and week, and how they changed.

Not here: metrics of experiments, which are measured per unit (experiments/).
"""
