"""Charts, page parts and report pages: tables of the warehouse in, one self-contained HTML file out."""
