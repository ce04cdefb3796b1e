"""How often every statistic is right in simulated worlds whose truth is known; writes docs/calibration.md.

    python -m benchmarks.calibration [--draws 5000] [--seed 20260101] [--out docs/calibration.md]

Worlds, and what each statistic promises in them, are in benchmarks/calibrating/. The command fails when a promise is
broken by more than Monte Carlo error allows. The numbers of a seed are always the same.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.calibrating.adjusted import adjusted_table, variance_table
from benchmarks.calibrating.cell import ALPHA, TOLERANCE, Table
from benchmarks.calibrating.clusters import clusters_table
from benchmarks.calibrating.looking import conversions_table, revenue_table, split_table
from benchmarks.calibrating.many import belief_table, family_table, segment_table
from benchmarks.calibrating.means import means_table
from benchmarks.calibrating.panels import panels_table
from benchmarks.calibrating.plans import power_table
from benchmarks.calibrating.rates import rates_table
from benchmarks.calibrating.ratios import ratios_table

SEED = 20260101
SECTIONS: tuple[Callable[[int, int], Table], ...] = (
    rates_table,
    means_table,
    ratios_table,
    clusters_table,
    adjusted_table,
    variance_table,
    panels_table,
    power_table,
    conversions_table,
    revenue_table,
    split_table,
    family_table,
    belief_table,
    segment_table,
)


def document(tables: list[Table], draws: int, seed: int) -> str:
    """The page: how to read it, then every table."""
    command = "python -m benchmarks.calibration"
    if (draws, seed) != (5000, SEED):
        command += f" --draws {draws} --seed {seed}"
    intro = f"""# Calibration

Do the statistics of `lakehouse/stats` keep what they promise? Each is let loose on worlds that were made up, so that the truth is known, {draws:,} times per cell. This page is written by

```sh
{command}
```

which takes about 4 minutes, gives the same numbers every time, and fails when a promise is broken.

How to read it:

- *False positives*: share of draws without any effect in which p is at most {ALPHA:.0%}; {ALPHA:.0%} is right. *Coverage*: share of draws, with a real effect, in which the {1 - ALPHA:.0%} interval holds it.
- Behind ± is the Monte Carlo error: what a share of exactly the promised size would stray by on average, simulated {draws:,} times.
- *nominal*: within {TOLERANCE:g} such errors of what is promised (about 1 cell in 1,000 would stray further by chance). *above*, *below*: further off, where no theory promises otherwise (small or skewed data), or on the harmless side of a promise of *at most*. **promise broken**: further off where it was promised.
- *warning*: what happens to those who use the wrong test. No readout does.
- *(n refused)*: draws for which the statistic has no answer (an arm without variance, an unbounded interval) and says so.
"""
    return "\n".join([intro, *(table.markdown() for table in tables)]).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=Path("docs/calibration.md"))
    arguments = parser.parse_args()
    tables: list[Table] = []
    for section in SECTIONS:
        begun = time.perf_counter()
        tables.append(section(arguments.draws, arguments.seed))
        print(f"{tables[-1].title}: {time.perf_counter() - begun:.0f} s", flush=True)
    arguments.out.write_text(document(tables, arguments.draws, arguments.seed), encoding="utf-8")
    broken = [line for table in tables for line in table.broken]
    print("\n".join(["promises broken:", *broken]) if broken else "every promise was kept")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
