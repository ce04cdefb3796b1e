"""How an outside file writes things down: the `format` of a contract."""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

from lakehouse.configuration import describe


class Strict(BaseModel):
    """A mapping in which an unknown key is a mistake, and so is a number that is infinite or none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _encoding(name: str) -> str:
    try:
        b"a".decode(name, "replace")  # a codec of bytes to bytes (base64) is no encoding of text
        return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        raise ValueError(f"expected an encoding such as utf-8 or latin-1, found {describe(name)}") from None


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"expected an IANA time zone such as Europe/Berlin, found {describe(name)}")
    return name


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii() or value in "\r\n\0":
        raise ValueError(f"expected one ASCII character, found {describe(value)}")
    return value


def _listed(value: object) -> object:
    if isinstance(value, str):
        raise ValueError(f"expected a list, found {describe(value)}\nWrite it as [{value}].")  # noqa: TRY004  pydantic gathers ValueErrors
    return value


# A list of names or texts: YAML's single word is told apart from it, with the way to write it.
Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Format(Strict):
    """How an outside file writes things down. A BOM and CRLF need no saying."""

    kind: Literal["csv", "jsonl", "parquet", "xlsx"] = "csv"
    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    quote: Annotated[str, AfterValidator(_one_character)] | None = '"'
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal[".", ",", " ", "'"] | None = None
    timestamps: Listed = ("%Y-%m-%d %H:%M:%S",)
    dates: Listed = ("%Y-%m-%d",)
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    nulls: Listed = ("",)
    # 1.0: how programs that know no empty whole number write a 1 in a column with empty cells.
    true: Listed = ("true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "1", "1.0")
    false: Listed = ("false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "0", "0.0")
    final_newline: Literal["optional", "required"] = "optional"
    sheet: str | None = None

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError(
                f"expected thousands and decimal marks that differ, found {describe(self.decimal)} twice"
            )
        return self

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError(f"expected delimiter and quote that differ, found {describe(self.quote)} twice")
        return self

    @property
    def reading(self) -> tuple[str, ...]:
        """What decides how bytes become text cells; a change makes rejected files be read anew."""
        return (
            self.kind,
            self.delimiter,
            str(self.quote),
            self.encoding,
            self.final_newline,
            str(self.sheet),
        )
