import json
import shutil

import pytest
import torch

from cmploss.errors import UserError
from cmploss.models import load_seq2seq, load_tokenizer
from cmploss.tasks.text.noise.back_translation import BackTranslation
from tests.tasks.text.noise.translators import ENGLISH, GERMAN, save_translator, tokenizer_of

TEXTS = ["the lamp is bright", "the door is new and quiet"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("translators")
    return save_translator(root / "to", GERMAN), save_translator(root / "back", ENGLISH, seed=1)


@pytest.fixture
def pair(folders, tmp_path):
    return BackTranslation(*folders, tmp_path / "cache")


def documents(translation):
    return [json.loads(path.read_text(encoding="utf-8")) for path in translation.cache.glob("*.json")]


def greedy(folder, text):
    model, tokenizer = load_seq2seq(folder).eval(), load_tokenizer(folder)
    tokens = tokenizer(text, return_tensors="pt", truncation=True)  # at 24 tokens
    size = tokens["input_ids"].shape[1]
    ids = model.generate(
        input_ids=tokens["input_ids"],
        attention_mask=tokens["attention_mask"],
        do_sample=False,
        num_beams=1,
        max_new_tokens=min(2 * size + 16, 24),
    )
    return tokenizer.decode(ids[0], skip_special_tokens=True).strip()


def test_it_goes_to_the_other_language_and_back(pair):
    found = pair.sample(TEXTS, temperature=1.0, seed=0)
    assert len(found) == 2
    assert {word for text in found for word in text.split()} <= set(ENGLISH)
    kept = {document["source"]: document for document in documents(pair)}
    assert set(kept) == set(TEXTS)
    for text, translated in zip(TEXTS, found, strict=True):
        assert kept[text]["text"] == translated
        assert set(kept[text]["translation"].split()) <= set(GERMAN)
        assert (kept[text]["temperature"], kept[text]["seed"]) == (1.0, 0)


def test_at_a_low_temperature_it_is_the_greedy_translation(pair, folders):
    found = pair.sample(TEXTS, temperature=1e-4, seed=0)
    assert found == [greedy(folders[1], greedy(folders[0], text)) for text in TEXTS]
    assert pair.sample(TEXTS, temperature=1e-4, seed=1) == found


def test_seed_and_temperature_decide(pair):
    samples = {
        (temperature, seed): tuple(pair.sample(TEXTS, temperature=temperature, seed=seed))
        for temperature in (0.7, 1.5)
        for seed in (0, 1)
    }
    assert len(set(samples.values())) == 4
    assert len(documents(pair)) == 8


def test_a_result_does_not_depend_on_the_other_texts_nor_on_the_state_of_torch(folders, tmp_path):
    together = BackTranslation(*folders, tmp_path / "a").sample(TEXTS, temperature=1.0, seed=0)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    alone = BackTranslation(*folders, tmp_path / "b").sample([TEXTS[1], TEXTS[1]], temperature=1.0, seed=0)
    assert alone == [together[1]] * 2
    assert torch.equal(torch.get_rng_state(), before)


def test_what_is_in_the_cache_needs_no_model(pair, monkeypatch):
    loaded = []
    monkeypatch.setattr("cmploss.models.load_seq2seq", lambda name: loaded.append(name) or load_seq2seq(name))
    first = pair.sample(TEXTS, temperature=1.0, seed=0)
    assert loaded == [pair.forward, pair.backward]
    assert pair.sample(TEXTS[::-1], temperature=1.0, seed=0) == first[::-1]
    assert len(loaded) == 2
    other = BackTranslation(pair.backward, pair.forward, pair.cache)
    other.sample(TEXTS[:1], temperature=1.0, seed=0)
    assert loaded[2:] == [pair.backward, pair.forward]
    assert len(documents(pair)) == 3


def test_the_whole_vocabulary_is_sampled_whatever_the_checkpoint_says(tmp_path):
    narrow = {"do_sample": True, "top_k": 1, "num_beams": 3, "top_p": 0.01}
    to = save_translator(tmp_path / "to", GERMAN, **narrow)
    back = save_translator(tmp_path / "back", ENGLISH, seed=1, **narrow)
    translation = BackTranslation(to, back, tmp_path / "cache")
    words = {
        word
        for seed in range(6)
        for text in translation.sample(TEXTS, temperature=1.0, seed=seed)
        for word in text.split()
    }
    assert words == set(ENGLISH)


def test_t5_without_a_limit_of_positions(tmp_path):
    to = save_translator(tmp_path / "to", GERMAN, kind="t5")
    back = save_translator(tmp_path / "back", ENGLISH, kind="t5", seed=1)
    assert load_tokenizer(to).model_max_length > 1e20  # transformers' way to say that there is none
    found = BackTranslation(to, back, tmp_path / "cache").sample([*TEXTS, "the " * 30], temperature=1.0, seed=0)
    assert all(found)
    assert {word for text in found for word in text.split()} <= set(ENGLISH)


def test_a_limit_of_positions_where_the_tokenizer_has_none(pair, tmp_path):
    copy = shutil.copytree(pair.forward, tmp_path / "to")
    tokenizer_of().save_pretrained(copy)
    with pytest.raises(UserError, match=r"a text has 31 tokens, but .* reads at most 24; shorten 'the the"):
        BackTranslation(str(copy), pair.backward, pair.cache).sample(["the " * 30], temperature=1.0, seed=0)


def test_a_text_that_is_too_long(pair):
    with pytest.raises(UserError, match=r"a text has 31 tokens, but .* reads at most 24; shorten 'the the") as caught:
        pair.sample(["the " * 30], temperature=1.0, seed=0)
    assert "\n" not in str(caught.value)


def test_a_model_that_writes_nothing(tmp_path):
    silent = save_translator(tmp_path / "silent", [])
    with pytest.raises(UserError, match=r"silent wrote nothing for 'the lamp is bright' in 10 draws"):
        BackTranslation(silent, silent, tmp_path / "cache").sample(TEXTS, temperature=1.0, seed=0)


def test_a_model_that_is_not_there_and_a_broken_cache(pair, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        BackTranslation(str(tmp_path / "none"), pair.backward, tmp_path / "c").sample(TEXTS, temperature=1.0, seed=0)
    pair.sample(TEXTS[:1], temperature=1.0, seed=0)
    (path,) = pair.cache.glob("*.json")
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"remove it and give the same command again$"):
        pair.sample(TEXTS[:1], temperature=1.0, seed=0)
