"""Names: lists, filters, arguments, files of the user's, and what is said about a misspelt one."""

from __future__ import annotations

import importlib
import inspect
import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.errors import ScotopicError
from scotopic.files import sha256_of
from scotopic.pipeline import registry
from scotopic.pipeline.contract import Enhancer, EnhancerInfo
from scotopic.pipeline.enhancers.classical.gamma import Gamma
from scotopic.pipeline.registry import (
    create_enhancer,
    enhancer_class,
    enhancer_info,
    list_enhancers,
    parameter_names,
    parse_spec,
    register_enhancer,
    split_specs,
)
from scotopic.pipeline.sources import source_files

MINE = """
from __future__ import annotations

from dataclasses import dataclass

from scotopic import Enhancer, EnhancerInfo, register_enhancer


@dataclass
class Options:
    share: float = 0.5


@register_enhancer
class Net(Enhancer):
    info = EnhancerInfo(name="mine-net", summary="Halves the darkness.")

    def __init__(self, share: float = 0.5) -> None:
        super().__init__()
        self.options = Options(share)

    def transform(self, x):
        return x + (1 - x) * self.options.share


class Unnamed(Enhancer):
    pass


class Other:
    pass
"""


@pytest.fixture
def known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    list_enhancers()
    monkeypatch.setattr(registry, "_REGISTRY", dict(registry._REGISTRY))


@pytest.fixture
def mine(tmp_path: Path, known_names: None) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_lists_all_sorted() -> None:
    names = list_enhancers()
    assert names == sorted(names)
    assert {"none", "gamma", "clahe", "sgz", "folder"} <= set(names)


def test_lists_by_pattern_and_by_info() -> None:
    assert list_enhancers("g*a") == ["gamma"]
    assert list_enhancers("sg?") == ["sgz"]
    assert list_enhancers("no such*") == []
    assert "sgz" in list_enhancers(learned=True)
    assert "gamma" not in list_enhancers(learned=True)
    assert list_enhancers("s*", kind="zero-shot", year=2022) == ["sgz"]


def test_an_unknown_filter_is_named_with_the_nearest() -> None:
    with pytest.raises(ScotopicError, match="cannot filter by 'comercial': did you mean 'commercial'"):
        list_enhancers(comercial=True)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("gama", "did you mean 'gamma'"), ("sgz-oficial", "did you mean 'sgz-official'"), ("xyzzy", "Known: .*clahe")],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ScotopicError, match=f"no enhancer {name!r}: .*{hint}"):
        create_enhancer(name)


def test_info_of_an_unknown_name() -> None:
    with pytest.raises(ScotopicError, match="no enhancer 'claye': did you mean 'clahe'"):
        enhancer_info("claye")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("gamma", ("gamma", {})),
        (" gamma [ gamma = 2.2 ] ", ("gamma", {"gamma": 2.2})),
        ("gamma[]", ("gamma", {})),
        (
            "a[i=3,f=1e-2,yes=true,no=False,w=off]",
            ("a", {"i": 3, "f": 0.01, "yes": True, "no": False, "w": "off"}),
        ),
        ("sgz[weights=a/b c.pth]", ("sgz", {"weights": "a/b c.pth"})),
        ("sgz[weights=https://x/y.pth?a=b#sha256=00]", ("sgz", {"weights": "https://x/y.pth?a=b#sha256=00"})),
        ("folder:/some/where", ("folder:/some/where", {})),
        ("./mine.py:Net[share=1]", ("./mine.py:Net", {"share": 1})),
    ],
)
def test_specs(spec: str, expected: tuple[str, dict[str, object]]) -> None:
    assert parse_spec(spec) == expected


@pytest.mark.parametrize(
    "spec", ["", " ", "[gamma=2]", "gamma[2.2]", "gamma[gamma=2", "gamma]", "gamma[=2]", "gamma[a b=2]", "a[b=1,b=2]"]
)
def test_specs_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(ScotopicError, match=r"write name|keep one"):
        parse_spec(spec)


def test_split_leaves_brackets_alone() -> None:
    assert split_specs("none,,gamma[gamma=2.2] , sgz[order=2,iterations=8],") == [
        "none",
        "gamma[gamma=2.2]",
        "sgz[order=2,iterations=8]",
    ]


def test_arguments_come_from_the_name_and_from_the_call() -> None:
    spec = create_enhancer("clahe[clip_limit=3,tiles=4]", tiles=16)
    assert (vars(spec)["clip_limit"], vars(spec)["tiles"]) == (3.0, 16)
    assert parameter_names(enhancer_class("clahe")) == ["clip_limit", "tiles"]


def test_an_unknown_parameter_is_named_with_the_nearest() -> None:
    with pytest.raises(ScotopicError, match="'clahe' has no parameter 'clip': did you mean 'clip_limit'"):
        create_enhancer("clahe", clip=2.0)
    with pytest.raises(ScotopicError, match="'gamma' has no parameter 'weights'"):
        create_enhancer("gamma", weights="random")


def test_named_weights_are_a_name_too(official_weights: Path) -> None:
    official = create_enhancer("sgz-official", weights=official_weights, scale_factor=8)
    assert official.info.name == "sgz"
    assert vars(official)["scale_factor"] == 8
    assert official.fingerprint() == create_enhancer(f"sgz[weights={official_weights}]").fingerprint()


def test_a_class_of_the_users_file(mine: Path) -> None:
    net = create_enhancer(f"{mine}:Net[share=1.0]")
    assert net(torch.zeros(1, 3, 2, 2)).min() == 1
    picture = np.zeros((2, 2, 3), np.uint8)
    assert np.array_equal(pickle.loads(pickle.dumps(net)).enhance(picture), net.enhance(picture))
    assert len(net.fingerprint()) == 64


def test_the_users_file_is_found_from_the_working_directory(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert type(create_enhancer("./mine.py:Net")).__name__ == "Net"


def test_the_users_file_may_be_used_again_and_changed(mine: Path) -> None:
    first = enhancer_class(f"{mine}:Net")
    assert enhancer_class(f"{mine}:Net") is first
    mine.write_text(MINE.replace("self.options.share", "0.25 * self.options.share"))
    assert create_enhancer(f"{mine}:Net[share=1.0]")(torch.zeros(1, 3, 1, 1)).max() == 0.25


def with_helpers(folder: Path) -> Path:
    """A class with a base and a helper in files of their own, the helper of which has one in turn."""
    (folder / "lib_of_it").mkdir()
    (folder / "lib_of_it" / "__init__.py").write_text("from . import numbers_of_it\n")
    (folder / "lib_of_it" / "numbers_of_it.py").write_text("SHARE = 0.5\n")
    (folder / "base_of_it.py").write_text("from scotopic import Enhancer\nclass Base(Enhancer):\n    pass\n")
    (folder / "late_of_it.py").write_text("def late(x):\n    return x\n")
    (folder / "nobody_of_it.py").write_text("")
    (folder / "helped.py").write_text(
        f"import sys\nsys.path.insert(0, {str(folder)!r})\n"
        "from base_of_it import Base\n"
        "from lib_of_it.numbers_of_it import SHARE\n"
        "from scotopic import EnhancerInfo\n"
        "class Net(Base):\n"
        "    info = EnhancerInfo(name='helped', summary='Has helpers.')\n"
        "    def transform(self, x):\n"
        "        from late_of_it import late\n"
        "        return late(x) + SHARE\n"
    )
    return folder / "helped.py"


@pytest.fixture
def helped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    before = {*sys.modules}
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield with_helpers(tmp_path)
    for name in {*sys.modules} - before:
        if name.partition(".")[0].endswith("_of_it") or name.startswith("lib_of_it"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "file", ["helped.py", "base_of_it.py", "late_of_it.py", "lib_of_it/__init__.py", "lib_of_it/numbers_of_it.py"]
)
def test_another_helper_or_base_is_another_fingerprint(helped: Path, file: str) -> None:
    spec = f"{helped}:Net"
    before = create_enhancer(spec).fingerprint()
    assert create_enhancer(spec).fingerprint() == before
    (helped.parent / "nobody_of_it.py").write_text("# changed")
    assert create_enhancer(spec).fingerprint() == before, "a file that is not imported counts for nothing"
    with (helped.parent / file).open("a") as changed:
        changed.write("# changed\n")
    assert create_enhancer(spec).fingerprint() != before


def test_a_changed_helper_is_run_again(helped: Path) -> None:
    spec = f"{helped}:Net"
    assert create_enhancer(spec)(torch.zeros(1, 3, 1, 1)).max() == 0.5
    (helped.parent / "lib_of_it" / "numbers_of_it.py").write_text("SHARE = 0.125\n")
    assert create_enhancer(spec)(torch.zeros(1, 3, 1, 1)).max() == 0.125


def test_what_the_program_has_loaded_itself_stays_as_it_is(helped: Path) -> None:
    sys.path.insert(0, str(helped.parent))
    own = importlib.import_module("lib_of_it.numbers_of_it")
    create_enhancer(f"{helped}:Net")
    helped.write_text(helped.read_text() + "# changed\n")
    create_enhancer(f"{helped}:Net")
    assert sys.modules["lib_of_it.numbers_of_it"] is own


def test_the_fingerprint_of_our_own_is_of_their_file_alone() -> None:
    assert [path.name for path in source_files(Gamma)] == ["gamma.py"]
    assert create_enhancer("gamma").fingerprint() == sha256_of(inspect.getfile(Gamma))


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ("absent.py:Net", r"no file .*absent\.py: give an enhancer as \./file\.py:Class"),
        ("mine.py:Nett", r"mine\.py has no class 'Nett': did you mean 'Net'"),
        ("mine.py:Other", r"Other in .*mine\.py is not a subclass of scotopic\.Enhancer"),
        ("mine.py:Unnamed", r"Unnamed in .*mine\.py has no info"),
        ("mine.py:dataclass", r"dataclass in .*mine\.py is not a subclass"),
        ("broken.py:Net", r"broken\.py cannot be imported: ModuleNotFoundError: .*no_such_package"),
        ("text.py:Net", r"text\.py cannot be imported: SyntaxError"),
    ],
)
def test_what_is_wrong_with_the_users_file(mine: Path, spec: str, sentence: str) -> None:
    (mine.parent / "broken.py").write_text("import no_such_package\n")
    (mine.parent / "text.py").write_text("not python at all\n")
    with pytest.raises(ScotopicError, match=sentence):
        create_enhancer(f"{mine.parent}/{spec}")


def test_two_classes_cannot_have_one_name(known_names: None) -> None:
    class Impostor(Enhancer):
        info = EnhancerInfo(name="gamma", summary="Another one.")

    with pytest.raises(ScotopicError, match="two enhancers are named 'gamma'"):
        register_enhancer(Impostor)
    assert enhancer_class("gamma") is Gamma


def test_a_class_defined_again_takes_its_own_place(known_names: None) -> None:
    def cell() -> type[Enhancer]:
        @register_enhancer
        class Mine(Enhancer):
            info = EnhancerInfo(name="cell", summary="Defined in a notebook.")

        return Mine

    cell()
    second = cell()
    assert enhancer_class("cell") is second


def test_a_class_without_info_is_named(known_names: None) -> None:
    class Nameless(Enhancer):
        pass

    with pytest.raises(ScotopicError, match="Nameless has no info"):
        register_enhancer(Nameless)


def test_many_threads_may_be_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = list_enhancers()
    monkeypatch.setattr(registry, "_loaded", False)
    found: list[list[str]] = []
    threads = [threading.Thread(target=lambda: found.append(list_enhancers())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8
