"""The commerce report's sections on sales: revenue, order value and returns.

Here belong their charts and the sentences made from their figures; the rows come from `commerce_data`.
"""

from decimal import Decimal

from lakehouse.reports import charts, words
from lakehouse.reports.commerce_data import OTHER_COUNTRIES, Shop
from lakehouse.reports.dataset import Filter, Rows, narrowed
from lakehouse.reports.drawing import HALF
from lakehouse.reports.page import Chart, Column, Section, Sentence, Table
from lakehouse.reports.periods import WINDOW_DAYS, span_words

_REVENUE = {"gross": "Gross", "net": "Net", "recognized": "Recognized"}
_BEFORE = f"the {WINDOW_DAYS} days before"


def revenue(shop: Shop) -> Section:
    """Gross, net and recognized revenue over time, and how gross becomes net."""
    periods = shop.periods
    table = Table(
        f"Revenue by {periods.noun}, {shop.unit}",
        (
            Column(periods.heading, "start", words.DAY),
            *(Column(label, name, words.AMOUNT) for name, label in _REVENUE.items()),
        ),
        Rows(shop.sales, order="start"),
        noun=("period", "periods"),
    )
    note = " ".join(part for part in (periods.note, "Recognized revenue is not kept by country.") if part)
    chart = Chart(
        "revenue-chart",
        f"{periods.adjective.capitalize()} gross, net and recognized revenue",
        charts.trend("start", _REVENUE, shop.unit, shop.money),
        table,
        _described(shop, _REVENUE, shop.money),
        note,
    )
    return Section("revenue", "Revenue over time", sentences=_revenue_sentences(shop), charts=(chart,))


def order_value_and_returns(shop: Shop) -> Section:
    """What an order is worth, and how much of what is sold comes back."""
    returns_are_known = bool(shop.number("returned", Filter()))
    return Section(
        "order-value",
        "Order value and returns",
        sentences=_value_sentences(shop, returns_are_known=returns_are_known),
        charts=(_order_value_chart(shop), *((_return_rate_chart(shop),) if returns_are_known else ())),
    )


def _revenue_sentences(shop: Shop) -> tuple[Sentence, ...]:
    now, before = shop.periods.now, shop.periods.before
    first = f"Net revenue was {shop.said('net', now, shop.money)} {span_words(now)}"
    if before is not None:
        moved = words.change(shop.figure("net", now), shop.figure("net", before)).words
        first += f", {moved} on {_BEFORE} ({shop.said('net', before, shop.money)})"
    parts = [shop.said(name, now, shop.money) for name in ("gross", "discount", "refund", "tax")]
    first += ": gross revenue of {} less {} discounts, {} refunds and {} tax.".format(*parts)
    sentences = [Sentence(first, ("fct_revenue_daily",))]
    if before is not None:
        sentences.append(_volume_and_value(shop, now, before))
        sentences.extend(_driver(shop, now, before))
    periods = narrowed(Rows(shop.sales, order="net", is_descending=True))
    if len(periods) > 2:
        best = periods.row(0, named=True)
        when = "on" if shop.periods.days == 1 else f"in the {shop.periods.noun} from"
        sentences.append(
            Sentence(
                f"Net revenue was highest {when} {words.day(best['start'])}: "
                f"{words.show(best['net'], shop.money)}.",
                ("fct_revenue_daily",),
            )
        )
    return tuple(sentences)


def _volume_and_value(shop: Shop, now: Filter, before: Filter) -> Sentence:
    orders = words.change(shop.number("orders", now), shop.number("orders", before)).words
    name = "average_order_value"
    value = words.change(shop.figure(name, now), shop.figure(name, before)).words
    return Sentence(
        f"Behind it: orders {orders} (from {shop.said('orders', before, words.COUNT)} to "
        f"{shop.said('orders', now, words.COUNT)}), average order value {value} "
        f"(from {shop.said(name, before, shop.money)} to {shop.said(name, now, shop.money)}).",
        ("fct_revenue_daily",),
    )


def _driver(shop: Shop, now: Filter, before: Filter) -> tuple[Sentence, ...]:
    """The country that moved net revenue most in the direction of the whole; none where one country is all."""

    def moved(member: str) -> Decimal:
        later, earlier = (
            shop.figure("net", Filter(span.first, span.last, member)) or 0 for span in (now, before)
        )
        return Decimal(later) - Decimal(earlier)

    whole = moved("")
    countries = {name: moved(name) for name in shop.countries if name != OTHER_COUNTRIES}
    if whole == 0 or len(countries) < 2:
        return ()
    is_rise = whole > 0
    name, part = min(countries.items(), key=lambda each: (-each[1] if is_rise else each[1], each[0]))
    if part == 0 or (part > 0) != is_rise:
        return ()
    direction, movement = ("up", "rise") if is_rise else ("down", "fall")
    told = f"{words.named(name)} moved most: {direction} {words.show(abs(part), shop.money)}, "
    if abs(part) <= abs(whole):
        told += f"of a {movement} of {words.show(abs(whole), shop.money)} in all countries."
    else:
        told += f"more than the {movement} of {words.show(abs(whole), shop.money)} in all countries together."
    return (Sentence(told, ("mart_country_daily",)),)


def _value_sentences(shop: Shop, *, returns_are_known: bool) -> tuple[Sentence, ...]:
    now, before = shop.periods.now, shop.periods.before
    name, source = "average_order_value", ("fct_revenue_daily",)
    if shop.figure(name, now) is None:
        value = f"No purchase was made {span_words(now)}, so there is no average order value."
    else:
        value = f"The average order was worth {shop.said(name, now, shop.money)} {span_words(now)}"
        if before is not None and shop.figure(name, before) is not None:
            moved = words.change(shop.figure(name, now), shop.figure(name, before)).words
            value += f": {moved} on {_BEFORE}"
        value += "."
    if not returns_are_known:
        nothing = "No returns have been recorded, so there is no return rate to draw."
        return (Sentence(value, source), Sentence(nothing, source))
    returned = (
        f"{words.counted(shop.number('returned', now), 'unit')} came back {span_words(now)} while "
        f"{shop.said('units', now, words.COUNT)} were sold: "
        f"a return rate of {shop.said('return_rate', now, words.PERCENT)}"
    )
    if before is not None and None not in (
        shop.figure("return_rate", now),
        shop.figure("return_rate", before),
    ):
        moved = words.change_in_points(
            shop.figure("return_rate", now), shop.figure("return_rate", before)
        ).words
        returned += f", {moved} against {_BEFORE} ({shop.said('return_rate', before, words.PERCENT)})"
    return (Sentence(value, source), Sentence(f"{returned}.", source))


def _order_value_chart(shop: Shop) -> Chart:
    periods = shop.periods
    series = {"average_order_value": "Average order value"}
    table = Table(
        f"Average order value by {periods.noun}, {shop.unit}",
        (
            Column(periods.heading, "start", words.DAY),
            Column("Gross", "gross", words.AMOUNT),
            Column("Orders", "orders", words.COUNT),
            Column("Average", "average_order_value", words.AMOUNT),
        ),
        Rows(shop.sales, order="start"),
        noun=("period", "periods"),
    )
    return Chart(
        "order-value-chart",
        f"Average order value, {periods.adjective}",
        charts.trend("start", series, shop.unit, shop.money, width=HALF),
        table,
        _described(shop, series, shop.money),
        periods.note,
        is_wide=False,
    )


def _return_rate_chart(shop: Shop) -> Chart:
    periods = shop.periods
    series = {"return_rate": "Return rate"}
    table = Table(
        f"Return rate by {periods.noun}",
        (
            Column(periods.heading, "start", words.DAY),
            Column("Units sold", "units", words.COUNT),
            Column("Units returned", "returned", words.COUNT),
            Column("Rate", "return_rate", words.PERCENT),
        ),
        Rows(shop.sales, order="start"),
        noun=("period", "periods"),
    )
    return Chart(
        "return-rate-chart",
        f"Return rate, {periods.adjective}",
        charts.trend(
            "start", series, "Units returned / units sold", words.PERCENT, width=HALF, axis_format=".1~%"
        ),
        table,
        _described(shop, series, words.PERCENT),
        periods.note,
        is_wide=False,
    )


def _described(shop: Shop, series: dict[str, str], form: words.Form) -> str:
    last = narrowed(Rows(shop.sales, order="start")).row(-1, named=True)
    lasts = ", ".join(f"{label.lower()} {words.show(last[name], form)}" for name, label in series.items())
    return (
        f"Lines from {words.day(shop.periods.first)} to {words.day(shop.periods.last)}. "
        f"In the last {shop.periods.noun}: {lasts}."
    )
