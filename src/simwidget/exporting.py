"""Tables written into files for other programs."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from simwidget.errors import InvalidValueError
from simwidget.store.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd


def write_table(table: pd.DataFrame, path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Write a table like that of ``project.to_pandas()``; see :meth:`simwidget.Project.export`."""
    target = Path(path).expanduser()
    suffix = target.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise InvalidValueError(f"A table is exported as .csv or .json; {str(target)!r} ends in neither.")
    if not overwrite and os.path.lexists(target):
        raise FileExistsError(
            f"There is a file {str(target)!r} already. Choose another name, or pass overwrite=True to replace it."
        )
    table = table.reset_index().assign(path=[str(path) for path in table["path"]])
    if suffix == ".csv":
        text = table.assign(tags=table["tags"].map(";".join)).to_csv(index=False, lineterminator="\n")
    else:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        text = json.dumps(rows, indent=1, default=lambda number: number.item())
    with atomic_write(target) as file:
        file.write(text.encode("utf-8", "surrogateescape"))
    return target
