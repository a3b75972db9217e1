"""Functions as embedders: what they may be, and when their vectors count as the same."""

from __future__ import annotations

import functools
import subprocess
import sys
import textwrap
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from pictures import picture
from PIL import Image

from simwidget.embedders import Embedder, FunctionEmbedder, resolve_embedder
from simwidget.embedders.fingerprint import fingerprint
from simwidget.errors import EmbedderError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable

    from simwidget.project import Project

WEIGHTS = np.arange(6, dtype=np.float32).reshape(3, 2) + 1


def mean_colors(images: list[Image.Image]) -> np.ndarray:
    return np.stack([np.asarray(image, np.float32).mean((0, 1)) + 1 for image in images])


class Projected:
    """A callable object."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def __call__(self, images: list[Image.Image]) -> np.ndarray:
        return self.scaled(mean_colors(images) @ WEIGHTS)

    def scaled(self, rows: np.ndarray) -> np.ndarray:
        return rows * self.factor


class Net(torch.nn.Module):
    def __init__(self, seed: int = 0, gain: float = 1.0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = torch.nn.Linear(3, 4)
        self.gain = gain

    def forward(self, images: list[Image.Image]) -> np.ndarray:
        with torch.inference_mode():
            return (self.gain * self.layer(torch.from_numpy(mean_colors(images)))).numpy()


class TestEmbedding:
    def test_resolves_to_an_embedder_of_unit_rows_or_not(self) -> None:
        embedder, reason = resolve_embedder(mean_colors)
        assert isinstance(embedder, FunctionEmbedder)
        assert isinstance(embedder, Embedder)
        assert reason is None
        assert (embedder.dim, embedder.near_duplicate_radius) == (3, 0.03)
        images = [picture(seed, (24, 16)) for seed in range(4)]
        np.testing.assert_array_equal(embedder.embed_images(images), mean_colors(images))

    @pytest.mark.parametrize(
        ("function", "dim"),
        [
            (lambda images: [[1.0, 2.0] for _ in images], 2),
            (functools.partial(lambda images, dim: np.ones((len(images), dim)), dim=7), 7),
            (Projected(), 2),
            (Projected().__call__, 2),
            (Net(), 4),
        ],
        ids=["lists", "partial", "object", "method", "torch"],
    )
    def test_every_kind_of_callable(self, function: Any, dim: int) -> None:
        embedder = resolve_embedder(function).embedder
        assert embedder.dim == dim
        assert embedder.embed_images([picture(0, (9, 9))] * 3).shape == (3, dim)

    def test_a_project_normalises_its_rows(self, tmp_path: Path, build: Callable[..., Project]) -> None:
        for seed in range(5):
            picture(seed, (24, 16)).save(tmp_path / f"{seed}.png")
        project = build(tmp_path, embedder=mean_colors)
        expected = mean_colors([Image.open(path) for path in project.paths])
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(project.embeddings, expected, atol=1e-6)
        assert project.embedder_name.startswith("function:test_function_embedder.mean_colors-")

    def test_a_second_build_calls_a_function_for_its_dimension_only(
        self, tmp_path: Path, build: Callable[..., Project]
    ) -> None:
        seen: list[int] = []

        def counted(images: list[Image.Image]) -> np.ndarray:
            seen.append(len(images))
            return mean_colors(images)

        for seed in range(5):
            picture(seed, (24, 16)).save(tmp_path / f"{seed}.png")
        embedder = FunctionEmbedder(counted, name="counted")
        build(tmp_path, embedder=embedder)
        build(tmp_path, embedder=FunctionEmbedder(counted, name="counted"))
        assert seen == [1, 5, 1]
        build(tmp_path, embedder=FunctionEmbedder(counted, name="counted 2", dim=3))
        assert seen == [1, 5, 1, 5]

    def test_what_is_given_is_not_asked_for(self) -> None:
        def never(_: list[Image.Image]) -> np.ndarray:
            raise AssertionError

        embedder = FunctionEmbedder(never, name="mine", dim=5, near_duplicate_radius=0.1)
        assert resolve_embedder(embedder) == (embedder, None)
        assert (embedder.name, embedder.dim, embedder.near_duplicate_radius) == ("mine", 5, 0.1)


class TestRefusals:
    def test_a_function_that_fails_on_the_trial_image(self) -> None:
        def broken(_: list[Image.Image]) -> np.ndarray:
            raise OSError("no such model")

        with pytest.raises(
            EmbedderError, match=r"broken failed on a list of a plain gray image.*no such model"
        ) as e:
            resolve_embedder(broken)
        assert "FunctionEmbedder(function, dim=...)" in str(e.value)
        assert isinstance(e.value.__cause__, OSError)

    @pytest.mark.parametrize(
        ("result", "found"),
        [
            (np.ones(4), r"shape \(4,\) and type float64"),
            (np.ones((2, 4)), r"shape \(2, 4\)"),
            (np.ones((1, 0)), r"shape \(1, 0\)"),
            (np.ones((1, 4), int), "type int"),
            (None, "type object"),
        ],
    )
    def test_a_function_that_returns_no_vectors(self, result: object, found: str) -> None:
        with pytest.raises(EmbedderError, match=f"returned an array of .*{found}"):
            resolve_embedder(lambda _: result)

    def test_a_class_or_what_cannot_be_called(self) -> None:
        with pytest.raises(TypeError, match="is the class Projected; pass an instance"):
            resolve_embedder(Projected)
        with pytest.raises(TypeError, match="is the class Projected; pass an instance"):
            FunctionEmbedder(Projected)
        with pytest.raises(TypeError, match="is 7, which cannot be called"):
            FunctionEmbedder(7)  # type: ignore[arg-type]

    @pytest.mark.parametrize("options", [{"dim": 0}, {"name": ""}, {"near_duplicate_radius": 1.0}])
    def test_options_out_of_range(self, options: dict[str, Any]) -> None:
        with pytest.raises(InvalidValueError, match="embedder"):
            resolve_embedder(FunctionEmbedder(mean_colors, **options))


def defined(source: str, name: str = "embed", **names: object) -> Any:
    """What a notebook's cell defines."""
    module: dict[str, Any] = {"__name__": "__main__", **names}
    exec(compile(textwrap.dedent(source), "<cell>", "exec"), module)
    return module[name]


class TestFingerprint:
    SOURCE = """
        def helper(x):
            return x * 2

        def embed(images):
            return [helper(len(images)) for _ in images]
    """

    @pytest.mark.parametrize(
        "change",
        [
            ("* 2", "* 3"),
            ("x * 2", "x + 2"),
            ("len(images)", "len(images[0])"),
            ("len(images)", "sum(images)"),
            ("(images)", "(images, size=3)"),
        ],
    )
    def test_another_code_is_another_function(self, change: tuple[str, str]) -> None:
        changed = self.SOURCE.replace(*change)
        assert changed != self.SOURCE
        assert fingerprint(defined(changed)) != fingerprint(defined(self.SOURCE))

    @pytest.mark.parametrize(
        "change",
        [
            ("def helper", "# a comment\n\n        def helper"),
            ("images", "pictures"),
            ("* 2", "*     2"),
        ],
    )
    def test_the_same_code_is_the_same_function(self, change: tuple[str, str]) -> None:
        changed = self.SOURCE.replace(*change)
        assert changed != self.SOURCE
        assert fingerprint(defined(changed)) == fingerprint(defined(self.SOURCE))

    def test_it_does_not_change_by_running(self) -> None:
        function = defined(self.SOURCE)
        before = fingerprint(function)
        for _ in range(5000):  # Python rewrites the bytecode of what runs often
            function([1, 2])
        assert fingerprint(function) == before

    def test_it_is_the_same_in_every_process(self) -> None:
        code = """
            from simwidget.embedders.fingerprint import fingerprint
            WORDS = {"a", "b", "c", "delta"}
            def embed(images):
                return [image in WORDS or image in {"x", "y", "z"} for image in images]
            print(fingerprint(embed))
        """
        command = [sys.executable, "-c", textwrap.dedent(code)]
        results = {
            subprocess.run(
                command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True, timeout=60
            ).stdout
            for seed in ("1", "2", "3")
        }
        assert len(results) == 1

    def test_compiled_and_cached_modules_are_the_same(self, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(textwrap.dedent(self.SOURCE))
        code = (
            "import mine; from simwidget.embedders.fingerprint import fingerprint; "
            "print(mine.__cached__, fingerprint(mine.embed))"
        )
        outputs = [
            subprocess.run(
                [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
            ).stdout
            for _ in range(2)
        ]
        assert Path(outputs[0].split()[0]).is_file() or sys.dont_write_bytecode
        assert outputs[0] == outputs[1]

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (1, 2),
            (1, 1.0),
            ("a", "b"),
            ([1, 2], [2, 1]),
            ((1, (2, 3)), ((1, 2), 3)),
            ({"a": 1}, {"a": 2}),
            ({1, 2}, {1, 3}),
            (np.arange(3), np.arange(3) + 1),
            (np.zeros(2, np.float32), np.zeros(2, np.int32)),
            (np.zeros((2, 3)), np.zeros((3, 2))),
            (torch.zeros(3), torch.ones(3)),
            (torch.zeros(3, dtype=torch.bfloat16), torch.ones(3, dtype=torch.bfloat16)),
            (Path("a"), Path("b")),
            (len, max),
            (Net(0), Net(1)),
            (Net(gain=1), Net(gain=2)),
            (Net(), Net().eval()),
            (torch.nn.Dropout(0.1), torch.nn.Dropout(0.2)),
            (Projected(1), Projected(2)),
            (None, False),
        ],
    )
    def test_what_a_function_uses_counts(self, one: object, other: object) -> None:
        """As a global, in a closure, as a default, bound in a partial or to a method."""

        def closure(value: object) -> Callable[..., Any]:
            return lambda images: (value, images)

        def default(value: object) -> Callable[..., Any]:
            def embed(images: object, value: object = value) -> object:
                return value, images

            return embed

        def bound(value: object) -> Callable[..., Any]:
            instance = Projected()
            instance.factor = value  # type: ignore[assignment]
            return instance.scaled

        ways: list[Callable[[object], Callable[..., Any]]] = [
            closure,
            default,
            bound,
            lambda value: defined("def embed(images): return [USED for _ in images]", USED=value),
            lambda value: functools.partial(mean_colors, value=value),
        ]
        for way in ways:
            assert fingerprint(way(one)) == fingerprint(way(one))
            assert fingerprint(way(one)) != fingerprint(way(other))

    def test_a_helper_of_the_users_own_module_counts(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.syspath_prepend(str(tmp_path))
        (tmp_path / "own_helpers.py").write_text("def used(x):\n    return x\n\ndef other(x):\n    return x\n")
        import own_helpers  # type: ignore[import-not-found]

        function = defined("def embed(images): return helpers.used(images)", helpers=own_helpers)
        before = fingerprint(function)
        monkeypatch.setattr(own_helpers, "other", lambda x: x * 2)
        assert fingerprint(function) == before
        monkeypatch.setattr(own_helpers, "used", lambda x: x * 2)
        assert fingerprint(function) != before

    def test_decorators_of_packages_are_seen_through(self) -> None:
        for decorate in (torch.inference_mode(), functools.lru_cache(None)):

            def embed(images: Any) -> Any:
                return images

            def other(images: Any) -> Any:
                return images, images

            assert fingerprint(decorate(embed)) == fingerprint(decorate(embed))
            assert fingerprint(decorate(embed)) != fingerprint(decorate(other))

    def test_an_object_without_stable_content_counts_by_its_type(self) -> None:
        def with_session(session: object) -> str:
            return fingerprint(lambda images: (session, images))

        assert with_session(np.random.default_rng(0)) == with_session(np.random.default_rng(1))
        assert with_session(np.random.default_rng(0)) != with_session(np.random.RandomState(0))

    def test_what_refers_to_itself(self) -> None:
        function = defined("""
            def embed(images, depth=0):
                return images if depth else embed(images, SELF)
            SELF = [embed]
            SELF.append(SELF)
        """)
        assert fingerprint(function) == fingerprint(function)

    def test_an_unassigned_variable_and_a_broken_repr(self) -> None:
        class Shy:
            def __repr__(self) -> str:
                raise RuntimeError

        def outer() -> Callable[..., Any]:
            def embed(images: Any) -> Any:
                return later, images

            if not isinstance(embed, FunctionType):
                later = 1
            return embed

        assert fingerprint(outer()) == fingerprint(outer())
        assert fingerprint(functools.partial(mean_colors, shy=Shy()))

    def test_the_default_name_tells_module_name_and_hash(self) -> None:
        names = [
            FunctionEmbedder(function).name.rpartition("-")[0]
            for function in (mean_colors, functools.partial(mean_colors), Projected(), Projected().__call__, Net())
        ]
        here = f"function:{__name__}"
        assert names == [
            f"{here}.mean_colors",
            f"{here}.mean_colors",
            f"{here}.Projected",
            f"{here}.Projected.__call__",
            f"{here}.Net",
        ]

    def test_what_a_function_loads_when_first_called_is_in_its_name(self) -> None:
        source = """
            model = None
            def embed(images):
                global model
                if model is None:
                    model = 3.0
                return [[model]] * len(images)
        """
        function = defined(source)
        first = FunctionEmbedder(function).name
        assert FunctionEmbedder(function).name == first  # loaded already
        assert FunctionEmbedder(defined(source)).name == first  # a new session
