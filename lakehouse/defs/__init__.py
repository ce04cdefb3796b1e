"""Everything that knows Dagster: assets, checks, sensors, schedules, jobs, resources.

An asset body reads as a sentence: it calls one function of a logic package and wraps the result. Logic that wants a
test of its own belongs in that package, not here.
"""
