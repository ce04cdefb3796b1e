"""What the words of the anomalies report mean, for who reads it the first time."""

from lakehouse.metrics.anomalies.published import ATTENTION_DAYS
from lakehouse.reports.page import Definition

TERMS = (
    Definition(
        "Needs attention",
        f"Open, or closed within the last {ATTENTION_DAYS} days, not answered, and no part of another. Most money comes first; what "
        "no money is known of follows, by its size relative to what was expected. Of like size, what is bad comes first.",
    ),
    Definition(
        "Expected",
        "What a day or week should have been, from the periods before it alone: level, weekday, season, holidays, closed days, "
        "known promotions. Of sums it is the sum over the episode's periods, of ratios the one over all of them, else their mean.",
    ),
    Definition(
        "Band",
        "The interval around the expectation that holds 95 of 100 ordinary periods; where it is far wider than the series, it is cut off.",
    ),
    Definition(
        "Impact", "Actual less expected. Of percentages it is told in points: from 5% to 7% is 2 points."
    ),
    Definition(
        "Money at stake",
        "What the impact is worth in the reporting currency, never negative. Several KPIs may tell of the same money, so sums over "
        "anomalies are upper bounds.",
    ),
    Definition(
        "Confidence",
        "Probability that it is no noise, calibrated: of all with 80%, about 80 in 100 are real. From 75% on very likely real, from "
        "50% likely real, from 30% it may be noise, below that it is weak. More than 99.9% is never told.",
    ),
    Definition("Better, worse", "By the way that is good for the KPI; empty where neither is."),
    Definition(
        "From expected to actual",
        "Each step is what one segment, or one factor, added to the change; everything else is what they leave unexplained. Nothing is "
        "named when no segment stands out.",
    ),
    Definition(
        "Methods that agree",
        "An anomaly is opened by what was expected, by a threshold of the KPI's definition, or by a trend. The others look at the same days "
        "in their own way: z-score, IQR fences, seasonal MAD.",
    ),
    Definition(
        "Part", "An anomaly inside a larger one, such as a country's inside everything's; it is told there."
    ),
    Definition(
        "Answering",
        "lakehouse anomalies confirm, expected or mute, with the anomaly's name and a note. Answered ones leave the top of the page; an "
        "expected day is remembered as an event.",
    ),
    Definition(
        "False alerts a year",
        "How many alarms about nothing a KPI may give; its definition says it, and all its series share it.",
    ),
)
