"""The one Definitions object that Dagster loads; it assembles defs/ and decides nothing."""

from lakehouse.catalog import load_catalog
from lakehouse.defs.build import build_definitions
from lakehouse.settings import Settings

settings = Settings()
defs = build_definitions(settings, load_catalog(settings.config_dir))
