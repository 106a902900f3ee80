"""One function chooses the device, and everything that loads a model asks it."""

import ast
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import cmploss
from cmploss import Reader, devices, models
from cmploss.devices import choose_device
from cmploss.errors import UserError
from cmploss.retrieval.encoder import EncoderConfig, load_encoder
from cmploss.studies import run_config
from cmploss.tasks.prf import FeedbackConfig, FeedbackReader, TrainedFeedback, dense_reformulator, reformulators
from tests.local_model import save_encoder
from tests.tasks.qa.checkpoints import save_reader
from tests.tiny import model_of

SOURCE = Path(cmploss.__file__).parent
MAY_ASK = {"devices.py", "training/memory.py"}  # the second one reads the statistics of the GPU's memory


def choices(text: str) -> list[int]:
    """Lines that choose a device: ``torch.device(…)``, ``torch.cuda.…(…)``, ``torch.accelerator…``, ``.to("cuda")``."""
    lines = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        values = [*node.args, *(each.value for each in node.keywords)]
        named = [str(value.value).split(":")[0] for value in values if isinstance(value, ast.Constant)]
        moved = called.endswith(".to") and bool({"cuda", "mps", "xpu", "cpu"} & set(named))
        asked = called == "torch.device" or called.startswith(("torch.cuda.", "torch.accelerator.", "torch.set_num"))
        if moved or asked or called.endswith(".cuda"):
            lines.append(node.lineno)
    return lines


def test_the_checker_sees_every_way_to_choose():
    text = 'torch.cuda.is_available()\nx.to("cuda")\nx.to(y.device)\ntorch.device("cpu")\nx.cpu()\nx.to(device="mps")'
    assert choices(text + "\nx.cuda()\ntorch.set_num_threads(2)") == [1, 2, 4, 6, 7, 8]


def test_nothing_else_chooses_a_device():
    found = {path.relative_to(SOURCE).as_posix(): choices(path.read_text()) for path in SOURCE.rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines and name not in MAY_ASK} == {}


def test_without_an_accelerator_it_is_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: None)
    assert choose_device() == torch.device("cpu")
    assert devices.autocast_kinds() == ("cpu",)


def test_the_accelerator_is_taken_unless_the_environment_says_cpu(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    assert choose_device() == torch.device("cuda")
    assert devices.autocast_kinds() == ("cpu", "cuda")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    assert choose_device() == torch.device("cpu")


def test_a_device_that_is_named_is_taken_or_refused(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda check_available: torch.device("cuda"))
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(UserError, match=r"device 'cude' cannot be used .* give cpu, cuda or mps"):
        choose_device("cude")


@pytest.fixture
def meta(monkeypatch):
    """A stand-in for an accelerator: whoever asks for the device gets ``meta``."""
    monkeypatch.setattr(devices, "_accelerator", lambda: torch.device("meta"))
    monkeypatch.delenv("ACCELERATE_USE_CPU", raising=False)
    return "meta"


def save(kind: str, folder: Path) -> str:
    """A checkpoint with a head."""
    save_encoder(folder)
    heads = {"classifier": "single_label", "reader": "span"}
    if kind in heads:
        model_of("Bert", heads[kind]).save_pretrained(folder)
    return str(folder)


def test_a_classifier(tmp_path, meta):
    assert models.load_classifier(save("classifier", tmp_path)).device.type == meta


def test_a_reader(tmp_path, meta):
    folder = save_reader(tmp_path)
    assert models.load_model(str(folder), "QuestionAnswering").device.type == meta
    assert Reader.from_pretrained(folder).model.device.type == meta
    assert Reader.from_pretrained(folder, device="cpu").model.device.type == "cpu"


def test_a_translator(tmp_path, meta):
    from transformers import T5Config, T5ForConditionalGeneration

    shape = {"vocab_size": 16, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}
    T5ForConditionalGeneration(T5Config(**shape)).save_pretrained(tmp_path)
    assert models.load_seq2seq(str(tmp_path)).device.type == meta


def test_an_encoder_and_a_sparse_encoder(tmp_path, meta):
    folder = save("encoder", tmp_path)
    assert models.load_encoder_with_head(folder)[0].device.type == meta
    assert load_encoder(EncoderConfig(folder, kind="sparse")).model.encoder.device.type == meta


def test_a_retriever(tmp_path, monkeypatch):
    monkeypatch.setattr("cmploss.retrieval.encoder.choose_device", lambda: torch.device("meta"))
    pytest.importorskip("sentence_transformers")
    encoder = load_encoder(EncoderConfig(save("encoder", tmp_path), pooling="mean"))
    assert encoder.module.device.type == "meta"


def test_a_reformulator(tmp_path, monkeypatch):
    pytest.importorskip("sentence_transformers")
    folder = save("encoder", tmp_path / "encoder")
    model = dense_reformulator(load_encoder(EncoderConfig(folder, pooling="mean")))
    reader = FeedbackReader(AutoTokenizer.from_pretrained(folder), FeedbackConfig(input_length=16))
    TrainedFeedback(model, reader, {"model": folder, "weights": None}).save(tmp_path / "lol")
    monkeypatch.setattr(reformulators, "choose_device", lambda: torch.device("meta"))
    assert TrainedFeedback.load(tmp_path / "lol").model.encoder.device.type == "meta"


def test_training_follows_it(tmp_path, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    config = run_config.RunConfig("supervised")
    monkeypatch.setattr("cmploss.devices.choose_device", lambda: torch.device("cpu"))
    assert config.arguments(tmp_path, 1).use_cpu
    monkeypatch.setattr("cmploss.devices.choose_device", lambda: torch.device("cuda"))
    assert not config.arguments(tmp_path, 1).use_cpu


def test_a_new_model_has_the_same_weights_on_every_machine(tmp_path, meta):
    folder = save("encoder", tmp_path)
    assert models.new_classifier(folder, ("a", "b"), seed=0).device.type == "cpu"
