"""Texts and names inside SQL, quoted: for the few places where a parameter can't stand."""

from __future__ import annotations


def literal(value: object) -> str:
    """A text literal."""
    escaped = str(value).replace("'", "''")
    return f"'{escaped}'"


def identifier(name: str) -> str:
    """A quoted name."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'
