"""The Overview of a project: what is worth a look, as counts that a click puts in view. Knows no Jupyter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from simwidget.criteria import LABEL, SUSPECTED, TAG
from simwidget.duplicates import DUPLICATE_THRESHOLD
from simwidget.metrics.labels import AGREEMENT
from simwidget.metrics.outliers import MODERATE_FENCE, SEVERE_FENCE, iqr_fences
from simwidget.session_view import SCORE
from simwidget.views import within_range
from simwidget.words import counted, file_size

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from simwidget.project import Project

UNREADABLE = "unreadable"
_MOST_OUTLIERS = 24  # cards
# They mean nothing, or have cards of their own: "Edge cases" and "Suspected labels".
_WITHOUT_OUTLIERS = {"Random", SCORE, AGREEMENT}
# A label is thin with fewer than one in so many of the images that each would have were all labels equal: the rule
# of cleanlab's Datalab for class imbalance (threshold 0.1), there of the rarest class alone. Whole, so that nothing
# is rounded.
_THIN = 10
_MOST_SUSPECTED = 0.25  # share of the labels beyond which the embedder is at fault rather than they
_COUNTING = "counting…"


@dataclass(frozen=True)
class Card:
    """Something of a project that is worth a look.

    Attributes
    ----------
    key : str
        The same for the same thing in every overview.
    title : str
    count : int or None
        How many there are; None while that is not known.
    help : str
        What they are, one sentence.
    detail : str
        A few words more, such as "412 kB would be freed"; may be empty.
    filters : dict or None
        What puts them in view, as :func:`simwidget.criteria.checked_filters` gives it; None where no filter does.
    sort : str or None
        What to sort them by, with a minus in front when descending; None leaves the sort as it is.
    mode : str
        "groups" to see them group by group, else "grid".
    ids : tuple of int or None
        Their ids, ascending, where no filter puts them in view.
    """

    key: str
    title: str
    count: int | None
    help: str
    detail: str = ""
    filters: dict[str, Any] | None = None
    sort: str | None = None
    mode: str = "grid"
    ids: tuple[int, ...] | None = None


class Part(NamedTuple):
    """Cards that are counted together.

    Attributes
    ----------
    cards : callable
        Gives the cards, counted; none where the project has nothing of the kind.
    follows : frozenset of str
        After which changes of a project they may be others; names are those of ``Project.on_change``.
    uncounted : callable or None
        Gives the same cards at once and without counts, where counting takes long; None where it does not.
    basis : callable or None
        Gives what is counted, as an object that is another one after a change; None where that is not known.
    """

    cards: Callable[[Project], list[Card]]
    follows: frozenset[str]
    uncounted: Callable[[Project], list[Card]] | None = None
    basis: Callable[[Project], object] | None = None


def overview(project: Project, *, slow: bool = True) -> list[Card]:
    """Count what is worth a look.

    Parameters
    ----------
    project : Project
    slow : bool
        Whether to wait for what takes long to count with many images; without, such cards have the count None, and
        one card stands for those of outliers.

    Returns
    -------
    list of Card
        Images; duplicates (Uniqueness up to 0.0001); near-duplicates (up to the embedder's radius); groups of
        near-duplicates; edge cases (severe upper outliers of Uniqueness); suspected labels; thin classes (labels
        with fewer than a tenth of the images that each would have were all equal); leaks between splits; untagged;
        unreadable; up to 24 cards of outliers, low or high in a metric, those with the most severe ones first, and
        right after each the severe ones among them, very low or very high, where they are some but not all. Those
        on labels and splits are left out where there are no labels (for thin classes: not two labels), or not two
        splits.
    """
    cards = []
    for part in PARTS:
        cards += part.cards(project) if slow or part.uncounted is None else part.uncounted(project)
    return cards


def _images(project: Project) -> list[Card]:
    size = file_size(int(project.file_sizes.sum()))
    return [Card("images", "Images", len(project), "All images that could be read.", size, filters={})]


def _duplicates(project: Project) -> list[Card]:
    return [
        _alike(
            project,
            "Duplicates",
            DUPLICATE_THRESHOLD,
            "Images of which a better copy is there, so that all of these can go.",
        )
    ]


def _near_duplicates(project: Project) -> list[Card]:
    return [
        _alike(
            project,
            "Near-duplicates",
            project.near_duplicate_radius,
            "Images that are much like a better one, duplicates included.",
        )
    ]


def _alike(project: Project, title: str, threshold: float, help: str) -> Card:
    count = int(np.count_nonzero(within_range(project.uniqueness, 0.0, threshold)))
    filters = {SCORE: (0.0, threshold)}
    return Card(title.lower(), title, count, help, f"at most {threshold:g}", filters, SCORE)


def _groups_uncounted(project: Project) -> list[Card]:
    return [
        Card(
            "groups",
            "Groups",
            None,
            "Groups of near-duplicates, each around the image to keep.",
            _COUNTING,
            {SCORE: (0.0, project.near_duplicate_radius)},
            SCORE,
            "groups",
        )
    ]


def _groups(project: Project) -> list[Card]:
    (card,) = _groups_uncounted(project)
    built, groups = project.grouped(project.near_duplicate_radius)
    freed = int(built.items.sizes[groups.rows[~groups.keepers]].sum())
    return [replace(card, count=len(groups), detail=f"{file_size(freed)} would be freed" if freed else "")]


def _edge_cases(project: Project) -> list[Card]:
    fence = iqr_fences(project.uniqueness).severe.high
    values = project.uniqueness
    odd = values[values.astype(np.float64) > fence]
    return [
        Card(
            "edge cases",
            "Edge cases",
            len(odd),
            f"Images unlike all others: their {SCORE} is more than {SEVERE_FENCE:g} interquartile ranges above the "
            "upper quartile.",
            f"above {fence:.4g}" if len(odd) else "",
            {SCORE: _span(odd)} if len(odd) else None,
            f"-{SCORE}",
        )
    ]


def _outliers_uncounted(_: Project) -> list[Card]:
    return [Card("outliers", "Outliers", None, "Images with an unusual value of a metric.", _COUNTING)]


def _outliers(project: Project) -> list[Card]:
    found: list[tuple[int, int, list[Card]]] = []  # by the number of severe outliers, then of all
    for name, metric in project.metrics.items():
        if name in _WITHOUT_OUTLIERS:
            continue
        values = metric.astype(np.float64)  # float32 values would round the fences
        moderate, severe = iqr_fences(metric)
        sides = (
            ("low", "below", "lower", moderate.low, severe.low, values < moderate.low, values < severe.low),
            ("high", "above", "upper", moderate.high, severe.high, values > moderate.high, values > severe.high),
        )
        for side, beyond, quartile, fence, far_fence, outlying, far in sides:
            count, severe_count = int(np.count_nonzero(outlying)), int(np.count_nonzero(far))
            if count == 0:
                continue
            cards = [
                Card(
                    f"{side} {name}",
                    f"{side.capitalize()} {name}",
                    count,
                    f"Images with an unusual {name}: more than {MODERATE_FENCE:g} interquartile ranges {beyond} "
                    f"the {quartile} quartile; severe ones more than {SEVERE_FENCE:g}.",
                    f"{beyond} {_number(fence)}" + (f", {severe_count:,} severe" if severe_count else ""),
                    {name: _span(metric[outlying])},
                    name if side == "low" else f"-{name}",
                )
            ]
            if 0 < severe_count < count:  # else it would be the same view twice
                cards.append(
                    replace(
                        cards[0],
                        key=f"very {side} {name}",
                        title=f"Very {side} {name}",
                        count=severe_count,
                        help=f"Images with a very unusual {name}, the severe ones of the outliers: more than "
                        f"{SEVERE_FENCE:g} interquartile ranges {beyond} the {quartile} quartile.",
                        detail=f"{beyond} {_number(far_fence)}",
                        filters={name: _span(metric[far])},
                    )
                )
            found.append((-severe_count, -count, cards))
    found.sort(key=lambda entry: entry[:2])
    return [card for _, _, cards in found for card in cards][:_MOST_OUTLIERS]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _span(values: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Range of values that are beyond a fence: filtered by, it holds the same items as were counted."""
    return float(values.min()), float(values.max())


def _suspected_uncounted(project: Project) -> list[Card]:
    if not project.label_codes[1]:
        return []
    return [
        Card(
            "suspected labels",
            "Suspected labels",
            None,
            "Images whose most similar images have another label.",
            _COUNTING,
            {SUSPECTED: True},
            AGREEMENT,
        )
    ]


def _suspected(project: Project) -> list[Card]:
    cards = _suspected_uncounted(project)
    if not cards:
        return []
    built, suspected = project.suspected_codes()
    own = built.items.label_codes[0]
    count, without = np.count_nonzero(suspected >= 0), np.count_nonzero((suspected >= 0) & (own < 0))
    detail = f"{without:,} without a label" if without else ""
    share = (count - without) / np.count_nonzero(own >= 0)
    if share > _MOST_SUSPECTED:
        detail = (
            f"{share:.0%} of all: too many to be errors. Labels need an embedder that sees classes, as CLIP does"
        )
    return [replace(cards[0], count=int(count), detail=detail)]


def _thin_classes(project: Project) -> list[Card]:
    codes, names = project.label_codes
    if len(names) < 2:
        return []
    counts = np.bincount(codes[codes >= 0])
    fewest = -(-int(counts.sum()) // (_THIN * len(names)))  # images with which a label is thin no more
    is_thin = counts < fewest
    thin = [names[code] for code in np.flatnonzero(is_thin).tolist()]
    return [
        Card(
            "thin classes",
            "Thin classes",
            int(counts[is_thin].sum()),
            f"Images of labels that have fewer than one in {_THIN} of the images that each label would have were "
            "all equal.",
            f"{counted(len(thin), 'label')} with fewer than {counted(fewest, 'image')}" if thin else "",
            {LABEL: tuple(thin)} if thin else None,
        )
    ]


def _leaks_uncounted(project: Project) -> list[Card]:
    splits = project.split_codes[1]
    if len(splits) < 2:
        return []
    return [
        Card(
            "leaks",
            "Leaks between splits",
            None,
            f"Images with a near-duplicate in another split ({_listed(splits)}).",
            _COUNTING,
            ids=(),
        )
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _leaks(project: Project) -> list[Card]:
    cards = _leaks_uncounted(project)
    if not cards:
        return []
    built, rows = project.leaks(project.near_duplicate_radius)
    counts = Counter(built.items.splits[row] for row in rows.tolist())
    detail = _listed([f"{count:,} in {split}" for split, count in sorted(counts.items())])
    return [replace(cards[0], count=len(rows), detail=detail, ids=tuple(built.items.ids[rows].tolist()))]


def _untagged(project: Project) -> list[Card]:
    tagged = {item for ids in project.tagged_ids().values() for item in ids}
    return [Card("untagged", "Untagged", len(project) - len(tagged), "Images without a tag.", filters={TAG: None})]


def _unreadable_uncounted(_: Project) -> list[Card]:
    return [
        Card(
            UNREADABLE,
            "Unreadable",
            None,
            "Files that could not be read or embedded, each with the reason; project.failed lists them too.",
            _COUNTING,
        )
    ]


def _unreadable(project: Project) -> list[Card]:
    (card,) = _unreadable_uncounted(project)
    return [replace(card, count=len(project.failed), detail="")]


_METRICS = frozenset({"metrics"})  # of which a project also tells when its items or embeddings are others

PARTS = (
    Part(_images, _METRICS),
    Part(_duplicates, _METRICS),
    Part(_near_duplicates, _METRICS),
    Part(_groups, _METRICS, _groups_uncounted),
    Part(_edge_cases, _METRICS),
    Part(_suspected, _METRICS | {"labels"}, _suspected_uncounted),
    Part(_thin_classes, _METRICS | {"labels"}),
    Part(_leaks, _METRICS, _leaks_uncounted, lambda project: project.grouped(project.near_duplicate_radius)[1]),
    Part(_untagged, _METRICS | {"tags"}),
    Part(_unreadable, _METRICS, _unreadable_uncounted),
    Part(_outliers, _METRICS, _outliers_uncounted),  # last: there can be many
)
"""What an overview consists of, in order."""
