"""``torch.compile``: one graph for each rate, none per step, and nested masks."""

import shutil

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

from cmploss import nested_dropout
from cmploss.ablation.sites import is_compiled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("gcc") or shutil.which("g++")), reason="torch.compile needs a C++ compiler"),
    pytest.mark.filterwarnings("ignore"),  # the compiler's own
]


def test_one_graph_for_each_rate_and_masks_nest():
    torch._dynamo.reset()
    counters.clear()
    layer = nn.Sequential(nn.Dropout(0.3), nn.Dropout(0.2))
    compiled = torch.compile(layer)
    assert is_compiled(compiled)
    assert not is_compiled(layer)
    x = torch.ones(5000)
    kept = {}
    for seed in range(4):
        for power in (0, 1, 2):
            with nested_dropout(compiled, power, seed=seed):
                kept[power, seed] = compiled(x) != 0
    assert counters["stats"]["unique_graphs"] == 3
    for seed in range(4):
        assert kept[0, seed].all()
        assert (kept[1, seed] | ~kept[2, seed]).all()
        for power in (1, 2):
            assert kept[power, seed].float().mean().item() == pytest.approx(0.56**power, abs=0.04)
    assert not torch.equal(kept[1, 0], kept[1, 1])
    with nested_dropout(compiled, 1, seed=3):
        assert torch.equal(compiled(x) != 0, kept[1, 3])
