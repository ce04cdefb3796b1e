"""Contracts: one YAML file per outside feed, and what turns it into a Pandera schema.

Belongs here: the form of a contract, its loader, the schema made from it. Not here: reading or staging files.
"""

from lakehouse.contracts.contract import Column, Contract, Format
from lakehouse.contracts.load import load_contracts

__all__ = ["Column", "Contract", "Format", "load_contracts"]
