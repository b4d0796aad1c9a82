"""Custom classes by dotted path, and their mistakes."""

import re
import sys

import pytest

from tune_asr.config.sections import Config
from tune_asr.errors import ConfigError, DataError
from tune_asr.training.targets import check_targets, construct, import_target, mistake_in_custom_code

OWN = """
import lightning.pytorch as pl


class Recogniser(pl.LightningModule):
    def __init__(self, vocab, scheduler, blank_id, width):
        raise AssertionError("it is not built")
"""


class Base:
    pass


class Model(Base):
    def __init__(self, vocab, *, width=8, depth):
        if width < 0:
            raise ValueError(f"width is {width}")
        if width == 0:
            raise DataError("no width at all")
        self.given = (vocab, width, depth)


class Any_(Base):
    def __init__(self, **everything):
        self.given = everything


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module into the working directory; returns its name."""
    name = f"own_{tmp_path.name}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])

    def write(source):
        (tmp_path / f"{name}.py").write_text(source)
        return name

    yield write
    sys.modules.pop(name, None)


def test_class_in_working_directory(module):
    name = module("class Number(int): pass\n")
    assert import_target(f"{name}.Number", int, "model") is sys.modules[name].Number


def test_class_in_installed_package():
    assert import_target("collections.OrderedDict", dict, "model").__name__ == "OrderedDict"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Nombre(int): pass\n", "has no Number\n +Did you mean Nombre"),
        ("", "has no Number$"),
        ("class Number(str): pass\n", "Number is not a int$"),
        ("Number = 3\n", "Number is not a int$"),
        ("import nothing_there\n", "cannot be imported: ModuleNotFoundError: No module named 'nothing_there'"),
        ("x = 1\n\ny = x.z\n", r"cannot be imported: AttributeError: 'int' object has no attribute 'z' \(.*\.py:3\)"),
        ("def Number(:\n", "cannot be imported: SyntaxError: "),
    ],
)
def test_wrong_module_is_refused(module, source, message):
    name = module(source)
    with pytest.raises(ConfigError, match=f"^model.target: {name}.*{message}"):
        import_target(f"{name}.Number", int, "model")


def test_missing_module_is_refused():
    with pytest.raises(ConfigError, match=r"data.target: nowhere.at_all cannot be imported: ModuleNotFoundError"):
        import_target("nowhere.at_all.Data", int, "data")


def test_class_gets_all_parameters():
    """Its own and the given ones."""
    assert construct(Model, "model", {"depth": 3}, vocab=["a"]).given == (["a"], 8, 3)
    assert construct(Any_, "model", {"depth": 3}, vocab=["a"]).given == {"depth": 3, "vocab": ["a"]}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"depht": 3}, "model.depht: Model has no such parameter\n +Did you mean depth"),
        ({"depth": 3, "vocab": []}, "model.vocab: cannot be set: tune_asr gives it to Model itself"),
        ({}, "model.target: Model: missing a required argument: 'depth'; it is built with vocab$"),
        ({"depth": 3, "width": -1}, "model.target: Model cannot be built: ValueError: width is -1"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ConfigError, match=message):
        construct(Model, "model", parameters, vocab=["a"])


def test_missing_given_parameter_is_refused():
    """The message lists the given parameters."""

    class Bare(Base):
        def __init__(self, vocab):
            pass

    with pytest.raises(ConfigError, match=r"Bare: .*unexpected.* 'blank_id'; it is built with vocab, blank_id$"):
        construct(Bare, "model", {}, vocab=["a"], blank_id=0)


@pytest.mark.parametrize(("model", "code"), [({"target": "mine.Recogniser"}, True), ({"target": "conv_ctc"}, False)])
def test_custom_exception_has_a_place(model, code):
    """Other exceptions are left alone."""
    config = Config.model_validate({"model": model})
    try:
        raise NameError("los")
    except NameError as error:
        mistake = mistake_in_custom_code(config, error)
    assert (mistake is not None) == code
    if code:
        assert re.match(rf"{__file__}:\d+: test_custom_exc\w+ raised NameError: los\n", str(mistake))


def test_parameters_are_checked_without_building(module):
    """The searched ones too."""
    name = module(OWN)
    config = Config.model_validate({"model": {"target": f"{name}.Recogniser", "width": 8}})
    check_targets(config, ["model.width", "optimizer.lr"])
    with pytest.raises(ConfigError, match=r"model.widht: Recogniser has no such parameter\n +Did you mean width\?"):
        check_targets(config, ["model.widht"])


def test_own_errors_pass_through():
    """Their exit code stays."""
    with pytest.raises(DataError, match=r"no width at all"):
        construct(Model, "model", {"depth": 3, "width": 0}, vocab=["a"])
