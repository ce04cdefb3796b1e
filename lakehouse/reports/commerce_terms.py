"""What the figures of the commerce report mean, in its readers' words; the rules themselves stand in the docs."""

from lakehouse.reports.page import Definition

DEFINITIONS = (
    Definition(
        "Gross revenue",
        "Quantity times unit price, tax included, of orders that are paid, fulfilled, delivered or returned; "
        "on the order's date.",
    ),
    Definition(
        "Net revenue",
        "Gross revenue less discounts, refunds and tax. Refunds count on the day of the return.",
    ),
    Definition(
        "Recognized revenue",
        "Revenue of delivered orders, on the day of delivery, less the refunds expected from the trailing "
        "return rate.",
    ),
    Definition(
        "Refund liability",
        "The reserve for refunds still expected on delivered orders, released as returns come or 30 days "
        "pass.",
    ),
    Definition("Orders", "Orders with revenue and at least one line."),
    Definition("Average order value (AOV)", "Gross revenue divided by orders."),
    Definition("Return rate", "Units returned in a period divided by units sold in it."),
    Definition(
        "New and repeat customers",
        "New: the first purchase falls in the period. Repeat: others who purchased in it. Each counts once a "
        "period; guests are neither.",
    ),
    Definition("Repeat orders", "Purchases of customers who had purchased before; guests are not counted."),
    Definition(
        "Cohort",
        "Customers by the month of their first purchase; windows run 7, 30 and 90 days from each customer's "
        "own first purchase.",
    ),
    Definition("Retention", "Share of a cohort that purchased again within the window."),
    Definition("Lifetime value (LTV)", "Net revenue of a cohort's orders within the window, per customer."),
    Definition(
        "Incomplete",
        "The window has not ended for every customer of the cohort, so the figure can still change.",
    ),
    Definition(
        "Inventory alert",
        "Stock on hand less allocations fell below the reorder point; it stays open until a day when it is "
        "no longer below.",
    ),
)
