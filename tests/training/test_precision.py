import pytest
import torch

from tune_asr.config.load import from_values
from tune_asr.config.sections import Config
from tune_asr.errors import SettingError
from tune_asr.training.fit import fit
from tune_asr.training.module import SimpleCTCModule
from tune_asr.training.precision import SMALL, TENSOR_CORES, remark_on_gpu, resolve_precision
from tune_asr.training.trainer import make_trainer


@pytest.mark.parametrize(
    ("given", "full"), [("32", "32-true"), ("32-true", "32-true"), ("64", "64-true"), ("bf16", "bf16-mixed")]
)
def test_short_names_become_full(given, full):
    assert resolve_precision(given, "cpu")[0] == full


def test_full_precision_needs_no_remark():
    assert resolve_precision("32-true", "auto") == ("32-true", None)


@pytest.mark.parametrize("given", ["16-mixed", "16", "16-true"])
def test_float16_on_cpu_is_refused(given):
    with pytest.raises(SettingError, match=r"but a CPU cannot train in float16\n    Choose 32-true or bf16-mixed\."):
        resolve_precision(given, "cpu")


def test_float16_on_gpu_is_accepted():
    assert resolve_precision("16-mixed", "gpu") == ("16-mixed", None)


@pytest.mark.parametrize("capability", ["avx512_bf16", "amx_bf16", "bf16"])
def test_fast_bfloat16_needs_no_remark(capability):
    assert resolve_precision("bf16-mixed", "cpu", {capability: True, "avx2": True}) == ("bf16-mixed", None)


@pytest.mark.parametrize("capabilities", [{}, {"avx512_bf16": False, "amx_bf16": False, "avx2": True}, {"avx512_f": 1}])
def test_slow_bfloat16_is_remarked(capabilities):
    precision, remark = resolve_precision("bf16-mixed", "cpu", capabilities)
    assert precision == "bf16-mixed"
    assert "this CPU has no bfloat16 arithmetic" in remark


def test_torch_names_bfloat16_capabilities():
    """The default looks names up in torch's own table, which has one of them on each kind of CPU."""
    assert torch.cpu.get_capabilities().keys() & {"avx512_bf16", "amx_bf16", "bf16"}
    named = {name for name, value in torch.cpu.get_capabilities().items() if value}
    _, remark = resolve_precision("bf16-mixed", "cpu")
    assert (remark is None) == bool(named & {"avx512_bf16", "amx_bf16", "bf16"})


@pytest.mark.parametrize(
    ("precision", "capability", "width", "words"),
    [
        ("bf16-mixed", (9, 0), SMALL - 1, "at model.dim 255 a GPU waits for launches"),
        ("16-mixed", (9, 0), 144, "32-true is faster"),
        ("16-mixed", (6, 1), 512, "this GPU has no fast float16 arithmetic"),
        ("bf16-mixed", (9, 0), SMALL, None),
        ("16-mixed", TENSOR_CORES, None, None),
        ("32-true", (6, 1), 16, None),
    ],
)
def test_mixed_precision_is_advised_against(precision, capability, width, words):
    remark = remark_on_gpu(precision, capability, width)
    assert remark is None if words is None else words in remark


@pytest.mark.parametrize("asked", ["medium", "highest"])
def test_matmul_precision_is_for_training_alone(monkeypatch, asked):
    """Validation multiplies exactly."""
    seen = set()
    forward = SimpleCTCModule.forward

    def looked(self, *arguments):
        seen.add((self.training, torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32))
        return forward(self, *arguments)

    monkeypatch.setattr(SimpleCTCModule, "forward", looked)
    sections = {"data": {"num_train": 8, "num_val": 2}, "trainer": {"max_epochs": 2}}
    fit(Config(**sections, precision={"float32_matmul": asked}), lambda *_: None)
    assert seen == {(True, asked, asked != "highest"), (False, "highest", False)}
    assert torch.get_float32_matmul_precision() == "highest"


def test_failed_training_restores_matmul_precision(monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(SimpleCTCModule, "batch_loss", broken)
    sections = {"data": {"num_train": 8, "num_val": 2}, "trainer": {"max_epochs": 1}}
    with pytest.raises(ZeroDivisionError):
        fit(Config(**sections, precision={"float32_matmul": "medium"}), lambda *_: None)
    assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize(("model", "uses"), [({}, False), ({"target": "own.Recogniser"}, True)])
def test_attention_is_planned_by_no_one(model, uses):
    """cuDNN's would be planned for each shape; custom classes have what torch chooses."""
    make_trainer(from_values({"model": model}, "test"))
    assert torch.backends.cuda.cudnn_sdp_enabled() is uses
