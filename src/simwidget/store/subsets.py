"""A project folder that holds some items of another, and what a scan may take into it."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from simwidget.store.database import Database, encode_text
from simwidget.store.project_store import ProjectStore
from simwidget.store.schema import PROJECT_MIGRATIONS, THUMBNAIL_MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from simwidget.sources.folder import FileEntry

# Both files were brought to the same version, so that their columns are the same, in the same order.
_OF_PROJECT = (
    "DELETE FROM chosen WHERE id NOT IN (SELECT id FROM items WHERE present)",
    "INSERT INTO subset.items SELECT * FROM items WHERE id IN chosen",
    # As everywhere, a tag without items is none.
    "INSERT INTO subset.tags SELECT * FROM tags WHERE id IN (SELECT tag_id FROM item_tags WHERE item_id IN chosen)",
    "INSERT INTO subset.item_tags SELECT * FROM item_tags WHERE item_id IN chosen",
    "INSERT INTO subset.embedding_errors SELECT * FROM embedding_errors WHERE item_id IN chosen",
    "INSERT INTO subset.relabels SELECT * FROM relabels WHERE item_id IN chosen",
    "INSERT INTO subset.distinct_pairs SELECT * FROM distinct_pairs WHERE a IN chosen AND b IN chosen",
    "INSERT INTO subset.saved_filters SELECT * FROM saved_filters",
)
_OF_THUMBNAILS = (
    "INSERT INTO subset.thumbnails SELECT * FROM thumbnails WHERE item_id IN chosen",
    "INSERT INTO subset.vectors SELECT * FROM vectors WHERE item_id IN chosen",
)


def copy_items(source: ProjectStore, folder: Path, ids: npt.NDArray[np.int64], embeddings: Iterable[str]) -> None:
    """Make a project folder of some items with all that is known of them but the log of actions.

    Nothing is written into ``manifest.json``, and graphs and what follows from them are not copied.

    Parameters
    ----------
    source : ProjectStore
        The caller holds its build lock.
    folder : Path
        Empty. What an error leaves in it is no project.
    ids : ndarray of int64, shape (n,)
        Those that are not present do not go along.
    embeddings : iterable of str
        Names under which they are stored, see ``StoredEmbedder.stored_as``.

    Raises
    ------
    ProjectFormatError
        ``source`` is damaged.
    """
    ProjectStore(folder).close()  # makes the tables
    for name, migrations, statements in (
        ("project.db", PROJECT_MIGRATIONS, _OF_PROJECT),
        ("thumbnails.db", THUMBNAIL_MIGRATIONS, _OF_THUMBNAILS),
    ):
        _copy_rows(source.folder / name, migrations, folder / name, statements, ids)
    with closing(ProjectStore(folder)) as subset, subset.build_lock():
        items = subset.load_items()
        for name, values in source.user_metrics.load(items.ids, items.content).items():
            subset.user_metrics.save(name, items.ids, items.content, values)
        for name in embeddings:
            rows, vectors = source.load_vectors(name)
            here = np.isin(rows["id"], items.ids)
            if here.any():
                subset.write_vectors(name, rows["id"][here], rows["content"][here], vectors[here])


def _copy_rows(
    source: Path,
    migrations: Sequence[Sequence[str]],
    target: Path,
    statements: Sequence[str],
    ids: npt.NDArray[np.int64],
) -> None:
    """Run statements on the database ``source`` with ``target`` as "subset" and the ids in a table "chosen"."""
    with closing(Database(source, migrations)) as database, database.reading() as db:
        db.execute("ATTACH CAST(? AS TEXT) AS subset", (encode_text(str(target)),))
        # Half the time, and nobody wants back what was there before: nothing.
        db.execute("PRAGMA subset.journal_mode = OFF")
        db.execute("CREATE TEMP TABLE chosen (id INTEGER PRIMARY KEY)")
        db.execute("BEGIN")
        db.executemany("INSERT INTO chosen VALUES (?)", ((item,) for item in ids.tolist()))
        for statement in statements:
            db.execute(statement)
        db.execute("COMMIT")


def known_files(store: ProjectStore, entries: Iterable[FileEntry]) -> list[FileEntry]:
    """Those files of a scan that are items of the project, or were."""
    path = store.folder / "project.db"
    with closing(Database(path, PROJECT_MIGRATIONS)) as database, database.reading() as db:
        known = {name for (name,) in db.execute("SELECT path FROM items")}
    return [entry for entry in entries if entry.path in known]
