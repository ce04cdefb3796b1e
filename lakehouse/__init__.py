"""An analytics lakehouse on one machine: landed files in, trusted tables and reports out."""
