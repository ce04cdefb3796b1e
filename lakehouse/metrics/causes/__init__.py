"""Root causes: which few segments moved a metric, from a table of leaves alone; docs/root-causes.md shows the way."""

from lakehouse.metrics.causes.attribution import RatioColumns, RatioNoise, additive_causes, ratio_causes
from lakehouse.metrics.causes.explanation import Cause, Explanation

__all__ = ["Cause", "Explanation", "RatioColumns", "RatioNoise", "additive_causes", "ratio_causes"]
