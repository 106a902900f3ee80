"""Released checkpoints of LoL: tensors only, and the vectors that the published classes compute."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizer

from cmploss.errors import UserError
from cmploss.tasks.prf.convert import convert_checkpoint
from cmploss.tasks.prf.prf_config import FeedbackConfig
from cmploss.tasks.prf.reformulators import TrainedFeedback

VOCABULARY = 1040
CONFIG = BertConfig(
    vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24
)
SPECIAL = ("[PAD]", *(f"[unused{n}]" for n in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = (*SPECIAL, *(f"w{n}" for n in range(VOCABULARY - len(SPECIAL))))
QUERY, PASSAGES = "w900 w3", ["w901 w902 w7", "w903"]


class Unpickled:
    """What ``args.pt`` must not become."""

    def __reduce__(self):
        return exec, ("raise SystemExit('args.pt was unpickled')",)


def save(folder, kind):
    """A checkpoint in the released form; the functions of its encoder and its head."""
    torch.manual_seed(0)
    encoder = (BertModel if kind == "dense" else BertForMaskedLM)(CONFIG).eval()
    encoder.save_pretrained(folder)
    BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)}).save_pretrained(folder)
    parts = {"psg_transform.dense": torch.nn.Linear(16, 16), "reranker": torch.nn.Linear(16, 1)}
    if kind == "dense":
        parts |= {"dense_proj": torch.nn.Linear(16, 16), "layer_norm": torch.nn.LayerNorm(16)}
        torch.nn.init.normal_(parts["layer_norm"].weight)
    state = {f"{name}.{key}": value for name, part in parts.items() for key, value in part.state_dict().items()}
    torch.save(state, folder / "model.pt")
    torch.save([Unpickled()], folder / "args.pt")
    return encoder, parts


def index_of(kind, width):
    return SimpleNamespace(kind=kind, vectors=np.zeros((3, width)), model="retriever", settings={"weights": "w"})


@pytest.mark.parametrize(("kind", "width"), [("dense", 16), ("sparse", VOCABULARY)])
def test_vectors_are_those_of_the_published_classes(kind, width, tmp_path):
    encoder, parts = save(tmp_path / "released", kind)
    convert_checkpoint(tmp_path / "released", index_of(kind, width), FeedbackConfig(), None).save(tmp_path / "ours")
    assert len({path.stat().st_mode for path in (tmp_path / "ours").iterdir()}) == 1  # all can be read alike
    ours = TrainedFeedback.load(tmp_path / "ours")
    found = torch.from_numpy(ours.vectors([QUERY], [PASSAGES]))[0].double()
    texts = [[WORDS.index(word) for word in text.split()] for text in (QUERY, *PASSAGES)]
    cls, sep = WORDS.index("[CLS]"), WORDS.index("[SEP]")
    ids = [cls, *texts[0], sep, *texts[1], sep, *texts[2], sep]
    segments = [0] * (len(texts[0]) + 2) + [1] * (len(ids) - len(texts[0]) - 2)
    with torch.no_grad():
        outputs = encoder(torch.tensor([ids]), token_type_ids=torch.tensor([segments]))
        if kind == "dense":
            vector = parts["layer_norm"](parts["dense_proj"](outputs[0][:, 0]))[0]
        else:
            vector = outputs.logits[0].amax(0)
            vector[[token for token in range(999) if token != 100]] = 0
            vector = F.normalize(vector.relu(), dim=0)
    assert vector.abs().max() > 0.01
    torch.testing.assert_close(found, vector.double(), rtol=0, atol=1e-6)
    assert ours.retriever == {"model": "retriever", "weights": "w"}


def test_what_is_refused(tmp_path):
    save(tmp_path, "dense")
    with pytest.raises(UserError, match="writes dense vectors of 16 numbers, but the index has dense vectors of 8 num"):
        convert_checkpoint(tmp_path, index_of("dense", 8), FeedbackConfig(), None)
    (tmp_path / "config.json").rename(tmp_path / "other.json")
    with pytest.raises(UserError, match=f"model {tmp_path} cannot be loaded"):
        convert_checkpoint(tmp_path, index_of("dense", 16), FeedbackConfig(), None)
    (tmp_path / "other.json").rename(tmp_path / "config.json")
    torch.save({"tok_proj.weight": torch.zeros(1)}, tmp_path / "model.pt")
    with pytest.raises(UserError, match=r"model.pt: has tok_proj.weight; converted are dense_proj.weight"):
        convert_checkpoint(tmp_path, index_of("dense", 16), FeedbackConfig(), None)
    torch.save({"dense_proj.weight": Unpickled()}, tmp_path / "model.pt")
    with pytest.raises(UserError, match="holds more than tensors"):
        convert_checkpoint(tmp_path, index_of("dense", 16), FeedbackConfig(), None)
    (tmp_path / "model.pt").unlink()
    with pytest.raises(UserError, match="no such file"):
        convert_checkpoint(tmp_path, index_of("dense", 16), FeedbackConfig(), None)
