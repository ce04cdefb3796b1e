"""The commerce report's sections on sales: revenue, order value and returns.

Here belong their charts and the sentences made from their figures; the sums come from `commerce_data`.
"""

from decimal import Decimal

import polars as pl

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import Periods, Totals, ratio
from lakehouse.reports.page import Chart, Column, Section, Table
from lakehouse.reports.svg import to_svg

_REVENUE = {"gross": "Gross", "net": "Net", "recognized": "Recognized"}
_RATIO = pl.Decimal(38, 6)


def revenue(now: Totals, before: Totals | None, periods: Periods, currency: str | None) -> Section:
    """Gross, net and recognized revenue over time, and how gross becomes net."""
    frame = periods.frame
    title = f"{periods.adjective.capitalize()} gross, net and recognized revenue"
    chart = charts.trend(charts.long_form(frame, _REVENUE), list(_REVENUE.values()), _unit(currency), "~s")
    table = Table(
        f"Revenue by {periods.noun}, {currency or 'amounts'}",
        (Column(periods.heading), *(Column(label, is_number=True) for label in _REVENUE.values())),
        tuple(
            (words.day(row["start"]), *(words.amount(row[name]) for name in _REVENUE))
            for row in frame.iter_rows(named=True)
        ),
    )
    return Section(
        "revenue",
        "Revenue over time",
        sentences=_revenue_sentences(now, before, periods, currency),
        charts=(
            Chart(
                "revenue-chart",
                title,
                to_svg(chart, "revenue-chart", title, _described(frame, _REVENUE, periods, currency)),
                table,
                periods.note,
            ),
        ),
    )


def order_value_and_returns(
    now: Totals, before: Totals | None, periods: Periods, currency: str | None
) -> Section:
    """What an order is worth, and how much of what is sold comes back."""
    frame = periods.frame.with_columns(
        average_order_value=pl.Series(
            [ratio(row["gross"], row["orders"]) for row in periods.frame.iter_rows(named=True)], dtype=_RATIO
        ),
        return_rate=pl.Series(
            [ratio(Decimal(row["returned"]), row["units"]) for row in periods.frame.iter_rows(named=True)],
            dtype=_RATIO,
        ),
    )
    returns_are_known = bool(frame["returned"].sum())
    return Section(
        "order-value",
        "Order value and returns",
        sentences=_value_sentences(now, before, currency, returns_are_known=returns_are_known),
        charts=(
            _order_value_chart(frame, periods, currency),
            *((_return_rate_chart(frame, periods),) if returns_are_known else ()),
        ),
    )


def _revenue_sentences(
    now: Totals, before: Totals | None, periods: Periods, currency: str | None
) -> tuple[str, ...]:
    first = f"Net revenue was {words.money(now.net, currency)} {now.span}"
    if before is not None:
        moved = words.change(now.net, before.net).words
        first += f", {moved} on the 30 days before ({words.money(before.net, currency)})"
    first += (
        f": gross revenue of {words.money(now.gross, currency)} "
        f"less {words.money(now.discount, currency)} discounts, "
        f"{words.money(now.refund, currency)} refunds and {words.money(now.tax, currency)} tax."
    )
    sentences = [first]
    if before is not None:
        orders = words.change(now.orders, before.orders).words
        value = words.change(now.average_order_value, before.average_order_value).words
        earlier, current = (words.money(each.average_order_value, currency) for each in (before, now))
        sentences.append(
            f"Behind it: orders {orders} (from {words.count(before.orders)} to {words.count(now.orders)}), "
            f"average order value {value} (from {earlier} to {current})."
        )
    if len(periods.frame) > 2:
        best = periods.frame.sort("net", "start", descending=[True, False]).row(0, named=True)
        when = "on" if periods.days == 1 else f"in the {periods.noun} from"
        sentences.append(
            f"Net revenue was highest {when} {words.day(best['start'])}: "
            f"{words.money(best['net'], currency)}."
        )
    return tuple(sentences)


def _value_sentences(
    now: Totals, before: Totals | None, currency: str | None, *, returns_are_known: bool
) -> tuple[str, ...]:
    if now.average_order_value is None:
        value = f"No purchase was made {now.span}, so there is no average order value."
    else:
        value = f"The average order was worth {words.money(now.average_order_value, currency)} {now.span}"
        if before is not None and before.average_order_value is not None:
            value += f": {_moved(now.average_order_value, before.average_order_value)}"
        value += "."
    if not returns_are_known:
        return (value, "No returns have been recorded, so there is no return rate to draw.")
    returned = (
        f"{words.counted(now.returned, 'unit')} came back {now.span} while "
        f"{words.count(now.units)} were sold: a return rate of {words.percent(now.return_rate)}"
    )
    if before is not None and before.return_rate is not None and now.return_rate is not None:
        moved = words.change_in_points(now.return_rate, before.return_rate).words
        returned += f", {moved} against the 30 days before ({words.percent(before.return_rate)})"
    return (value, f"{returned}.")


def _order_value_chart(frame: pl.DataFrame, periods: Periods, currency: str | None) -> Chart:
    title = f"Average order value, {periods.adjective}"
    series = {"average_order_value": "Average order value"}
    highest = max(frame["average_order_value"].drop_nulls().to_list(), default=Decimal(0))
    axis = ",.2f" if highest < 100 else ",.0f"
    chart = charts.trend(
        charts.long_form(frame, series), list(series.values()), _unit(currency), axis, width=charts.HALF
    )
    table = Table(
        f"Average order value by {periods.noun}, {currency or 'amounts'}",
        (Column(periods.heading), Column("Gross", True), Column("Orders", True), Column("Average", True)),
        tuple(
            (
                words.day(row["start"]),
                words.amount(row["gross"]),
                words.count(row["orders"]),
                words.amount(row["average_order_value"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    drawing = to_svg(chart, "order-value-chart", title, _described(frame, series, periods, currency))
    return Chart("order-value-chart", title, drawing, table, periods.note, is_wide=False)


def _return_rate_chart(frame: pl.DataFrame, periods: Periods) -> Chart:
    title = f"Return rate, {periods.adjective}"
    long = charts.long_form(frame, {"return_rate": "Return rate"})
    chart = charts.trend(long, ["Return rate"], "Units returned / units sold", ".1~%", width=charts.HALF)
    table = Table(
        f"Return rate by {periods.noun}",
        (
            Column(periods.heading),
            Column("Units sold", True),
            Column("Units returned", True),
            Column("Rate", True),
        ),
        tuple(
            (
                words.day(row["start"]),
                words.count(row["units"]),
                words.count(row["returned"]),
                words.percent(row["return_rate"]),
            )
            for row in frame.iter_rows(named=True)
        ),
    )
    known = frame["return_rate"].drop_nulls()
    description = (
        f"Line from {words.day(frame['start'][0])} to {words.day(frame['last'][-1])}, "
        f"between {words.percent(min(known, default=None))} and {words.percent(max(known, default=None))}."
    )
    drawing = to_svg(chart, "return-rate-chart", title, description)
    return Chart("return-rate-chart", title, drawing, table, periods.note, is_wide=False)


def _described(frame: pl.DataFrame, series: dict[str, str], periods: Periods, currency: str | None) -> str:
    lasts = ", ".join(
        f"{label.lower()} {words.money(frame[name][-1], currency)}" for name, label in series.items()
    )
    return (
        f"Lines from {words.day(frame['start'][0])} to {words.day(frame['last'][-1])}. "
        f"In the last {periods.noun}: {lasts}."
    )


def _moved(now: Decimal | int, before: Decimal | int) -> str:
    return f"{words.change(now, before).words} on the 30 days before"


def _unit(currency: str | None) -> str:
    return currency or "Amount"
