"""What was planted in a demo set, as written beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from simwidget.errors import InvalidValueError

FILE_NAME = "truth.json"


@dataclass(frozen=True)
class Copy:
    """A planted duplicate."""

    path: str
    kind: str
    """One of :data:`simwidget.demo.copies.EXACT` or :data:`~simwidget.demo.copies.NEAR`."""


@dataclass(frozen=True)
class Group:
    """A scene and its copies."""

    source: str
    copies: list[Copy]


@dataclass(frozen=True)
class Mislabelled:
    """A scene in the folder of another kind."""

    path: str
    folder: str
    true: str


@dataclass(frozen=True)
class Truth:
    """All that is known of a demo set; paths are POSIX style, relative to its folder."""

    folder: Path
    """Where the set lies; not written to the file, so that a set can be moved."""
    seed: int
    groups: list[Group] = field(default_factory=list)
    mislabelled: list[Mislabelled] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    """True kind of every scene and copy."""

    @property
    def copies(self) -> int:
        """Number of planted duplicates."""
        return sum(len(group.copies) for group in self.groups)

    def write(self, folder: Path) -> None:
        """Write ``truth.json`` into a folder."""
        content = {key: value for key, value in asdict(self).items() if key != "folder"}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        (folder / FILE_NAME).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Truth:
        """Read the truth of the demo set in a folder.

        Raises
        ------
        InvalidValueError
            Where the folder holds no demo set, or its truth.json is damaged.
        """
        file = Path(folder) / FILE_NAME
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            groups = [
                Group(group["source"], [Copy(**copy) for copy in group["copies"]])
                for group in content.pop("groups")
            ]
            mislabelled = [Mislabelled(**entry) for entry in content.pop("mislabelled")]
            return cls(folder=Path(folder), groups=groups, mislabelled=mislabelled, **content)
        except FileNotFoundError:
            raise InvalidValueError(
                f"{folder} is no demo set: it has no {FILE_NAME}. Draw one with `simwidget demo FOLDER`."
            ) from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InvalidValueError(
                f"{file} is damaged ({error}). Delete the folder and draw the demo set again."
            ) from error
