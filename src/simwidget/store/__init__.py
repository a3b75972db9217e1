"""The project folder on disk."""

from simwidget.store.items import ItemRecord, ItemTable, rows_of
from simwidget.store.project_store import FORMAT_VERSION, ProjectStore

__all__ = ["FORMAT_VERSION", "ItemRecord", "ItemTable", "ProjectStore", "rows_of"]
