"""Pure statistics: functions of arrays or sufficient statistics that return frozen results.

Belongs here: tests, intervals, adjustments, shrinkage, quasi-experimental estimators, plans of sample size.
They know numpy, scipy and one another. Not here: reading or writing of anything, data frames, configuration,
and decisions: what a result means for the business is said in experiments/.

Two conventions hold everywhere. Treatment comes before control, and an effect is treatment minus control. Bad
input raises ValueError with what was expected and what was found; no result holds a NaN.
"""
