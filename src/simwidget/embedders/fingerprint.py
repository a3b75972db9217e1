"""Identity of a function by its content: the same in every process, another one once the function changes."""

from __future__ import annotations

import dis
import functools
import hashlib
import re
import sys
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
_LIBRARY_FOLDERS = {"site-packages", "dist-packages"}


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash what a callable computes with.

    Counted are, as far as they can be reached from it: the code and the constants of functions, their defaults,
    their closures and the globals that they read; of a ``functools.partial`` and of a bound method also what is
    bound; of an object the functions of its class and its attributes; of a torch module its layers and its
    weights; arrays, tensors, numbers, strings and collections by their values. What an installed package
    defines counts by its name, and any other object by its type and, unless that shows an address in memory,
    its ``repr``: a change inside of it is not seen. Line numbers, comments and file names do not count.

    Parameters
    ----------
    function : callable

    Returns
    -------
    str
        16 hexadecimal digits. They differ between minor versions of Python, whose bytecode differs.
    """
    hasher = _Hasher()
    hasher.add(function)
    return hasher.digest.hexdigest()


class _Hasher:
    """Adds values to a hash, each with its type; what was added before, by its number in that order."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=8)
        # The objects are kept: a new one could otherwise get the address of one that is gone.
        self._seen: dict[int, tuple[int, object]] = {}

    def add(self, value: Any) -> None:
        if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.generic)):
            self._mark(type(value).__name__, repr(value))
        elif isinstance(value, (tuple, frozenset, CodeType)):
            # Not remembered: whether two equal constants are one object is up to the compiler.
            self._mark(type(value).__name__)
            self._add_content(value)
        elif id(value) in self._seen:
            self._mark("seen", str(self._seen[id(value)][0]))
        else:
            self._seen[id(value)] = len(self._seen), value
            self._mark(*_name(type(value)))
            self._add_content(value)

    def _mark(self, *words: str) -> None:
        for word in words:
            encoded = word.encode("utf-8", "surrogatepass")
            self.digest.update(b"%d:" % len(encoded) + encoded)

    def _add_all(self, values: Any) -> None:
        self._mark(str(len(values)))
        for value in values:
            self.add(value)

    def _add_content(self, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            self._add_all(value)
        elif isinstance(value, (set, frozenset)):
            self._add_all(sorted(value, key=repr))  # strings come in another order in every process
        elif isinstance(value, dict):
            self._add_all([part for key in sorted(value, key=repr) for part in (key, value[key])])
        elif isinstance(value, np.ndarray):
            self._add_array(value)
        elif isinstance(value, CodeType):
            self._add_code(value)
        elif isinstance(value, FunctionType):
            self._add_function(value)
        elif isinstance(value, functools.partial):
            self._add_all([value.func, value.args, value.keywords])
        elif isinstance(value, MethodType):
            self._add_all([value.__func__, value.__self__])
        elif isinstance(value, (staticmethod, classmethod)):
            self.add(value.__func__)
        elif isinstance(value, type):
            self._add_class(value)
        elif isinstance(value, (ModuleType, BuiltinFunctionType)):
            self._mark(getattr(value, "__module__", None) or "", value.__name__)
        elif not self._add_torch(value):
            self._add_object(value)

    def _add_array(self, array: np.ndarray[Any, Any]) -> None:
        if array.dtype.hasobject:
            self._add_all([array.shape, array.tolist()])
        else:
            self._mark(array.dtype.str, str(array.shape))
            self.digest.update(array.tobytes())

    def _add_code(self, code: CodeType) -> None:
        self.digest.update(code.co_code)
        # The names of attributes and globals; those of variables stand for nothing.
        self._add_all([code.co_names, code.co_consts])

    def _add_function(self, function: FunctionType) -> None:
        if not _is_installed(function.__globals__.get("__name__")):
            self._add_all([function.__code__, function.__defaults__, function.__kwdefaults__])
            self._add_all([cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)])
            codes = list(_codes(function.__code__))
            for name in sorted({name for code in codes for name in _global_names(code)}):
                if name in function.__globals__:
                    self._mark(name)
                    value = function.__globals__[name]
                    self.add(value)
                    if isinstance(value, ModuleType) and not _is_installed(value.__name__):
                        # One of the user's own: what of it the function may be using.
                        used = {attribute for code in codes for attribute in code.co_names}
                        self._add_all([vars(value)[attribute] for attribute in sorted(used & vars(value).keys())])
        self._mark(*_name(function))
        self.add(getattr(function, "__wrapped__", None))  # by a decorator, which may be of a package

    def _add_class(self, cls: type) -> None:
        for base in cls.__mro__:
            self._mark(*_name(base))
            if not _is_installed(base.__module__):
                functions = (FunctionType, staticmethod, classmethod)
                self._add_all([value for _, value in sorted(vars(base).items()) if isinstance(value, functions)])

    def _add_torch(self, value: Any) -> bool:
        """Add a module by its layers and weights, or a tensor by its values; False when it is neither."""
        torch = sys.modules.get("torch")
        if torch is None:
            return False
        if isinstance(value, torch.nn.Module):
            self._mark(repr(value), str(value.training))
            for module in value.modules():
                if not _is_installed(type(module).__module__):
                    self.add(type(module))
                    self.add({name: part for name, part in vars(module).items() if not name.startswith("_")})
            self.add(value.state_dict())
        elif isinstance(value, torch.Tensor):
            self._mark(str(value.dtype), str(tuple(value.shape)))
            dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
            if dense.is_meta:
                return True  # it has no values
            flat = dense.resolve_conj().resolve_neg().cpu().contiguous().reshape(-1)
            self.digest.update(flat.view(torch.uint8).numpy().data)
        else:
            return False
        return True

    def _add_object(self, value: Any) -> None:
        attributes = getattr(value, "__dict__", {})
        if _is_installed(type(value).__module__):
            self.add(attributes.get("__wrapped__"))  # by functools.lru_cache, for example
        else:
            self.add(type(value))
            self.add({**attributes, **_slots(value)})
        try:
            shown = repr(value)
        except Exception:
            return
        if not _ADDRESS.search(shown):
            self._mark(shown)


def _slots(value: Any) -> dict[str, Any]:
    """Attributes that an object keeps in slots, as far as they are set."""
    names = (name for cls in type(value).__mro__ for name in _as_names(vars(cls).get("__slots__", ())))
    return {name: getattr(value, name) for name in names if not name.startswith("__") and hasattr(value, name)}


def _as_names(slots: Any) -> list[str]:
    return [slots] if isinstance(slots, str) else list(slots)


def _name(value: Any) -> tuple[str, str]:
    return str(value.__module__), str(value.__qualname__)


def _is_installed(module: str | None) -> bool:
    """Whether a module belongs to Python or an installed package, and does not change while one works."""
    if module is None or module.partition(".")[0] in sys.stdlib_module_names:
        return True
    if module == "__main__":  # what runs a notebook or a console may be installed; what is defined in it is not
        return False
    file = getattr(sys.modules.get(module), "__file__", None)
    return file is not None and not _LIBRARY_FOLDERS.isdisjoint(Path(file).parts)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises while the variable has no value
    except ValueError:
        return False
    return True


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield some code and that of the functions and comprehensions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
