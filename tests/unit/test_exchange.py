"""While the images of a project are exchanged in one thread, another finds them and their positions in step."""

from __future__ import annotations

import itertools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from pictures import copy_files, write_pictures
from PIL import Image
from thumb_embedder import ThumbEmbedder

import simwidget as sw
from simwidget.errors import InvalidValueError, UnknownNameError
from simwidget.session import Session, StaleEpochError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ROUNDS = 6


@pytest.fixture
def project(tmp_path: Path, build: Callable[..., sw.Project]) -> sw.Project:
    """Twenty-four pictures, and a copy of each of the first eight."""
    images = tmp_path / "images"
    images.mkdir()
    copy_files(write_pictures(images, 24)[:8], " (1)")
    project = build(images, embedder=ThumbEmbedder(), labels="folder")
    project.metrics["own"] = np.arange(len(project), 0, -1)
    project.tag(project.ids[::3], "third")
    return project


def coming_and_going(project: sw.Project, failures: list[BaseException]) -> threading.Thread:
    """Delete the larger half of the images and restore it, several times, in a thread."""

    def run() -> None:
        try:
            for _ in range(ROUNDS):
                project.delete(project.ids[8:], whole_groups=True)
                project.restore()
        except BaseException as error:
            failures.append(error)

    return threading.Thread(target=run)


def looks(explorer: sw.Explorer, session: Session) -> Iterator[Callable[[], object]]:
    """What a person reads and sets, over and over."""
    project = explorer.project

    def rows() -> None:
        with suppress(StaleEpochError):
            found = session.rows(session.epoch, 0, session.count)
            assert len(found.ids) == len(found.names) == len(found.values) == len(found.group)

    def select() -> None:
        with suppress(UnknownNameError):  # it is in the trash at the moment
            explorer.selected = project.paths[-3:]

    def details() -> None:
        with suppress(UnknownNameError):
            assert session.details(int(project.ids[-1])).name

    def search() -> None:
        with suppress(UnknownNameError, InvalidValueError):
            explorer.similar(int(project.ids[0]), 20, filtered=True)

    yield from itertools.cycle(
        (
            lambda: len(explorer.view),
            lambda: setattr(explorer, "sort", "-own"),
            rows,
            lambda: setattr(explorer, "filters", {"Uniqueness": (0.0, 0.5), "Tag": "third"}),
            lambda: explorer.view,
            lambda: explorer.tags.get("third"),
            select,
            lambda: explorer.selected,
            lambda: setattr(explorer, "mode", "groups"),
            rows,
            lambda: explorer.to_code(),
            search,
            lambda: setattr(explorer, "filters", {"Label": "images"}),
            lambda: setattr(explorer, "sort", "Name"),
            lambda: explorer.back(),
            lambda: explorer.clear(),
            lambda: project.to_pandas(),
            lambda: project.duplicates(0.01),
            lambda: project.similar(project.embeddings[0], 5),
            details,
        )
    )


def test_an_explorer_is_used_while_images_come_and_go(project: sw.Project) -> None:
    everything = project.paths
    explorer = sw.Explorer(project)
    failures: list[BaseException] = []
    thread = coming_and_going(project, failures)
    thread.start()
    done = 0
    for look in looks(explorer, explorer.gallery.session):
        look()
        done += 1
        if not thread.is_alive():
            break
    thread.join()
    explorer.clear()
    explorer.mode, explorer.sort = "grid", "Name"
    assert failures == []
    assert done > 20, "each look was taken at least once meanwhile"
    assert project.paths == everything
    assert sorted(explorer.view) == sorted(everything)
    explorer.close()


def test_a_session_follows_before_anybody_else_is_told(project: sw.Project) -> None:
    session = Session(project)
    told: list[int] = []

    def look(_: frozenset[str]) -> None:
        told.append(len(session.rows(session.epoch, 0, session.count).ids))

    stop = project.on_exchange(look)  # after the session's own
    project.delete(project.ids[20:], whole_groups=True)
    assert told == [20]
    stop()
    project.restore()
    assert told == [20]
    session.close()


class Interrupted(ThumbEmbedder):
    """Calls something in another thread while it embeds, and waits for that."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] | None = None

    def vectors(self, images: Sequence[Image.Image]) -> np.ndarray:
        if self.meanwhile is not None:
            thread = threading.Thread(target=self.meanwhile)
            thread.start()
            thread.join()
        return super().vectors(images)


def test_an_answer_names_the_images_that_it_was_searched_among(
    tmp_path: Path, build: Callable[..., sw.Project]
) -> None:
    path = write_pictures(tmp_path, 24)[20]
    embedder = Interrupted()
    project = build(tmp_path, embedder=embedder)
    embedder.meanwhile = lambda: project.delete(project.ids[:5])
    with Image.open(path) as image:
        found = project.similar(image, 3)
        assert (found.paths[0], len(project)) == (path, 19)
        embedder.meanwhile = project.restore
        found = project.similar(image, 3)
    assert (found.paths[0], found.distances[0], len(project)) == (path, 0, 24)
    assert project.path(int(found.ids[0])) == path


def test_what_is_left_of_an_answer_stays_in_view(project: sw.Project) -> None:
    session = Session(project)
    asked, other = project.ids[[0, 4]].tolist()
    session.similar_to([asked, other], 12)
    answer = session.ids_in_view.tolist()
    distances = session.query.distances.tolist()
    session.show_items(answer[:3], "Some")
    session.select("set", ids=answer[1:4])
    project.delete([*answer[1:3], asked], whole_groups=True)
    left = [item for item in answer if item not in answer[1:3]]
    assert (session.query_label, sorted(session.ids_in_view.tolist())) == ("Some", [answer[0]])
    assert session.selected_ids == [answer[3]]
    session.back()
    assert session.ids_in_view.tolist() == left
    assert session.query.distances.tolist() == distances[:1] + distances[3:]
    assert session.query.ids == (other,)
    session.refine_query(k=3, radius=None, filtered=False)
    assert session.count == 3
    project.delete([other])
    assert session.query.ids == ()
    assert session.query_label == "Similar to 2 images"
    with pytest.raises(InvalidValueError, match="no similarity query to refine"):
        session.refine_query(k=3, radius=None, filtered=False)
    project.restore()
    assert session.total == len(project)
    session.close()


def test_other_embeddings_end_what_was_asked(project: sw.Project) -> None:
    session = Session(project)
    session.similar_to(project.ids[:1].tolist())
    project.add_embeddings("mine", np.random.default_rng(0).standard_normal((len(project), 5)))
    project.use_embeddings("mine", progress=False)
    assert session.query is None
    assert not session.can_go_back
    session.close()
