"""From a folder of images, or a project folder, to everything that a project holds."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simwidget import pipeline
from simwidget.embedders import resolve_embedder
from simwidget.embedders.choice import StoredEmbedder
from simwidget.errors import InvalidValueError, MissingVectorsError, NoImagesError, ProjectFormatError
from simwidget.metrics.ranking import KeepRules, checked_order
from simwidget.names import ItemNames, checked_tag
from simwidget.sources.assigned import assigned_names, parent_folder, top_folder
from simwidget.sources.folder import FolderSource
from simwidget.store import ProjectStore
from simwidget.store.location import display_root, find_project_dir, stored_source
from simwidget.store.subsets import known_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simwidget.embedders.base import Embedder, EmbedderSpec
    from simwidget.sources.assigned import Assigned
    from simwidget.sources.folder import FileEntry

    Folders = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True)
class Opened:
    """A project, opened.

    Attributes
    ----------
    store : ProjectStore
    source : FolderSource
    base : Path
        Root of the images as the user gave it.
    embedders : dict
        What is known of the embedder of each embeddings in the project, by name.
    active : StoredEmbedder
        Whose embeddings are in use.
    rules : KeepRules
    built : pipeline.Built
    embedder : Embedder or None
        The active one, where it has been loaded.
    """

    store: ProjectStore
    source: FolderSource
    base: Path
    embedders: dict[str, StoredEmbedder]
    active: StoredEmbedder
    rules: KeepRules
    built: pipeline.Built
    embedder: Embedder | None = None

    def using(self, active: StoredEmbedder, progress: pipeline.Progress) -> Opened:
        """Load other embeddings, and compute their graph and Uniqueness."""
        facts = facts_of(active)
        items, vectors = pipeline.load(self.store, facts)
        built = pipeline.compute(self.store, facts, items, vectors, self.rules, progress)
        return replace(self, active=active, built=built, embedder=None)

    def with_rules(self, rules: KeepRules, progress: pipeline.Progress) -> Opened:
        """Compute Uniqueness by other rules, or by the same with other tags, of what is loaded."""
        built = pipeline.compute(
            self.store, facts_of(self.active), self.built.items, self.built.embeddings, rules, progress
        )
        return replace(self, rules=rules, built=built)


def facts_of(stored: StoredEmbedder) -> pipeline.EmbedderFacts:
    """Facts about an embedder for the pipeline."""
    return pipeline.EmbedderFacts(stored.stored_as, stored.dim, stored.radius)


def save_settings(
    store: ProjectStore,
    *,
    active: StoredEmbedder | None = None,
    embedders: dict[str, StoredEmbedder] | None = None,
    rules: KeepRules | None = None,
) -> None:
    """Let the project folder remember which embeddings are in use, which there are, or the rules of keeping."""
    entries: dict[str, Any] = {}
    if active is not None:
        entries["embedder"] = active._asdict()
    if embedders is not None:
        entries["embedders"] = {name: stored._asdict() for name, stored in embedders.items()}
    if rules is not None:
        entries["keep"] = {"order": list(rules.order), "protect": list(rules.protect), "tag": rules.tag}
    store.save_manifest(**entries)


def build_folder(
    path: str | os.PathLike[str],
    spec: EmbedderSpec,
    *,
    recursive: bool,
    labels: Assigned,
    split: Assigned,
    keep: Sequence[str] | None,
    protect: Folders | None,
    keep_tag: str | None,
    project_dir: str | os.PathLike[str] | None,
    progress: bool,
) -> Opened:
    """Scan a folder and compute what is missing; see :meth:`simwidget.Project.from_folder`."""
    source = FolderSource.at(path, recursive=recursive)
    base = Path(path).expanduser()
    entries = source.scan()
    names = ItemNames(np.arange(len(entries)), [entry.path for entry in entries], base, source.root)
    store = ProjectStore(find_project_dir(source.root, project_dir))
    try:
        with store.build_lock():
            if store.manifest.get("subset"):
                entries = _of_subset(store, source, entries)
            rules = changed_rules(stored_rules(store), names, keep, protect, keep_tag)
            save_settings(store, rules=rules)  # now: who is to be protected is so even if this build is stopped
            store.sync_items(
                entries,
                assigned_names("labels", labels, names, parent_folder),
                assigned_names("split", split, names, top_folder),
            )
            return _build(store, source, base, spec, rules, pipeline.Progress(progress))
    except BaseException:
        store.close()
        raise


def _of_subset(store: ProjectStore, source: FolderSource, entries: list[FileEntry]) -> list[FileEntry]:
    """Files of a scan that belong to a project made by :meth:`simwidget.Project.subset`."""
    known = known_files(store, entries)
    if not known:
        raise NoImagesError(
            f"The project in {str(store.folder)!r} holds some images of a folder, none of which is in "
            f"{str(source.root)!r}. Check the path."
        )
    return known


def _build(
    store: ProjectStore,
    source: FolderSource,
    base: Path,
    spec: EmbedderSpec,
    rules: KeepRules,
    progress: pipeline.Progress,
) -> Opened:
    embedders = stored_embedders(store)
    stored = next((known for known in embedders.values() if known.answers(spec)), None)
    embedder = None
    if stored is not None and not pipeline.has_something_to_read(store, source.file, stored.name):
        facts = facts_of(stored)
        built = pipeline.compute(store, facts, *pipeline.load(store, facts), rules, progress)
    else:
        embedder, reason = resolve_embedder(spec)
        if reason:
            warnings.warn(reason, stacklevel=5)
        stored = StoredEmbedder.of(spec, embedder)
        built = pipeline.build(store, source.file, embedder, rules, progress)
        embedders[stored.name] = stored
    store.save_manifest(source=stored_source(source.root, store.folder), recursive=source.recursive)
    save_settings(store, active=stored, embedders=embedders)
    return Opened(store, source, base, embedders, stored, rules, built, embedder)


def open_folder(project_dir: str | os.PathLike[str]) -> Opened:
    """Open a built project; see :meth:`simwidget.Project.open`."""
    folder = Path(project_dir).expanduser()
    if (folder / ".simwidget" / "project.db").is_file():
        folder = folder / ".simwidget"
    if not (folder / "project.db").is_file():
        raise FileNotFoundError(
            f"There is no project in {str(folder)!r}. Make one with Project.from_folder(folder_of_images)."
        )
    store = ProjectStore(Path(os.path.abspath(folder)))  # noqa: PTH100 - resolve() would follow links
    try:
        try:
            return _open(store, folder)
        except MissingVectorsError:
            if not store.reload_manifest():  # else another process has just replaced the embeddings in use
                raise
            return _open(store, folder)
    except BaseException:
        store.close()
        raise


def _open(store: ProjectStore, folder: Path) -> Opened:
    embedders = stored_embedders(store)
    active = stored_active(store)
    if active is None:
        raise ProjectFormatError(
            f"The project in {str(folder)!r} was not built to the end. Run Project.from_folder on its "
            "images again; it carries on where it stopped."
        )
    rules, facts = stored_rules(store), facts_of(active)
    try:
        items, vectors = pipeline.load(store, facts)
    except MissingVectorsError as error:
        if active.added is None:
            raise
        raise MissingVectorsError(
            f"The embeddings {active.name!r}, which were added to the project in {str(folder)!r} and are in use, "
            "lack images that are new or have changed. Run Project.from_folder on the images, then "
            f"project.add_embeddings({active.name!r}, ...) with a row for each."
        ) from error
    built = pipeline.compute(store, facts, items, vectors, rules, pipeline.Progress(False))
    base = display_root(folder, _text(store, "source"))
    root = Path(os.path.abspath(base))  # noqa: PTH100
    source = FolderSource(root, bool(store.manifest.get("recursive", True)))
    return Opened(store, source, base, {**embedders, active.name: active}, active, rules, built)


def changed_rules(
    rules: KeepRules, names: ItemNames, keep: Sequence[str] | None, protect: Folders | None, tag: str | None
) -> KeepRules:
    """Rules of keeping with what the user wants otherwise; None leaves a part as it is, and "" means no tag.

    Raises
    ------
    InvalidValueError, UnknownNameError
        A criterion, folder or tag is none.
    """
    if keep is not None:
        rules = replace(rules, order=checked_order(keep))
    if protect is not None:
        folders = [protect] if isinstance(protect, (str, os.PathLike)) else protect
        if not isinstance(folders, Iterable):
            raise InvalidValueError(f"protect is a folder or several, not {protect!r}.")
        rules = replace(rules, protect=tuple(sorted({names.folder(folder) for folder in folders})))
    if tag is not None:
        rules = replace(rules, tag=checked_tag(tag) if tag else None)
    return rules


def stored_embedders(store: ProjectStore) -> dict[str, StoredEmbedder]:
    """All embeddings in the manifest, by name."""
    manifest = store.manifest
    listed = manifest.get("embedders")
    entries = list(listed.values()) if isinstance(listed, dict) else [manifest.get("embedder")]
    found = [StoredEmbedder.from_manifest({**manifest, "embedder": facts}) for facts in entries]
    return {stored.name: stored for stored in found if stored is not None}


def stored_active(store: ProjectStore) -> StoredEmbedder | None:
    """Whose embeddings are in use by the manifest; None when a first build did not finish."""
    return StoredEmbedder.from_manifest(store.manifest)


def stored_rules(store: ProjectStore) -> KeepRules:
    """Rules of keeping in the manifest."""
    stored = store.manifest.get("keep")
    if stored is None:
        return KeepRules()
    try:
        return KeepRules(checked_order(stored["order"]), tuple(map(str, stored["protect"])), stored["tag"])
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(store, "keep") from error


def _text(store: ProjectStore, key: str) -> str:
    value = store.manifest.get(key)
    if not isinstance(value, str):
        raise _damaged(store, key)
    return value


def _damaged(store: ProjectStore, key: str) -> ProjectFormatError:
    return ProjectFormatError(
        f"manifest.json in {str(store.folder)!r} is damaged: its {key!r} is {store.manifest.get(key)!r}. Delete "
        "that file and run Project.from_folder on the images again; tags and what was computed are kept."
    )
