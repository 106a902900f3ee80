import csv

import pytest
from datasets import Dataset

from cmploss.errors import UserError
from cmploss.experiment import Noise
from cmploss.tasks.text.noise.add_noise import add_noise, noise_note, write_noisy
from cmploss.tasks.text.noise.back_translation import BackTranslation
from cmploss.tasks.text.noise.text_noise import noisy_text
from tests.tasks.text.noise.translators import ENGLISH, GERMAN, save_translator

NAMES = ("bad", "fair", "good")
EXAMPLES = Dataset.from_dict(
    {
        "text": [f"the lamp number {i} is bright, and so is the door" for i in range(60)],
        "text_pair": [f"my second lamp {i} makes a loud noise" for i in range(60)],
        "label": [0] * 30 + [1] * 20 + [2] * 10,
    }
)
SCORES = Dataset.from_dict({"text": ["a", "b"], "label": [0.5, 1.5]})


def wrong_labels(noisy):
    return [i for i, (a, b) in enumerate(zip(EXAMPLES["label"][:], noisy["label"][:], strict=True)) if a != b]


@pytest.mark.parametrize("kind", ["label", "label_class"])
def test_every_class_has_its_share_of_wrong_labels(kind):
    noisy = add_noise(EXAMPLES, Noise(kind, 0.2), seed=0, label_names=NAMES)
    wrong = wrong_labels(noisy)
    assert [sum(low <= i < high for i in wrong) for low, high in ((0, 30), (30, 50), (50, 60))] == [6, 4, 2]
    assert noisy["text"][:] == EXAMPLES["text"][:]
    assert noisy.features == EXAMPLES.features
    if kind == "label_class":
        assert all(noisy["label"][i] == (EXAMPLES["label"][i] + 1) % 3 for i in wrong)


def test_label_noise_is_nested_and_seeded():
    low, high, other = (
        set(wrong_labels(add_noise(EXAMPLES, Noise("label", rate), seed=seed, label_names=NAMES)))
        for rate, seed in ((0.1, 0), (0.4, 0), (0.4, 1))
    )
    assert (len(low), len(high), len(other)) == (6, 24, 24)
    assert low < high
    assert high != other


def test_both_texts_of_a_pair_are_noisy_and_labels_are_not():
    noisy = add_noise(EXAMPLES, Noise("typo", 0.5), seed=3)
    for field in ("text", "text_pair"):
        assert noisy[field][:] == [noisy_text(text, "typo", 0.5, seed=3) for text in EXAMPLES[field]]
        assert noisy[field][:] != EXAMPLES[field][:]
    assert noisy["label"][:] == EXAMPLES["label"][:]
    assert noisy.column_names == EXAMPLES.column_names


def test_texts_of_a_regression_may_be_noisy_but_not_its_labels():
    assert add_noise(SCORES, Noise("drop", 0.5), seed=0)["label"][:] == [0.5, 1.5]
    with pytest.raises(UserError, match=r"--noise label:0\.2 needs classes"):
        add_noise(SCORES, Noise("label", 0.2), seed=0)


def test_no_noise():
    assert add_noise(EXAMPLES, Noise(), seed=0) is EXAMPLES


def test_back_translation(tmp_path):
    to, back = save_translator(tmp_path / "to", GERMAN), save_translator(tmp_path / "back", ENGLISH, seed=1)
    translation = BackTranslation(to, back, tmp_path / "cache")
    examples = EXAMPLES.select([0, 59])
    noisy = add_noise(examples, Noise("back_translation", 0.9), seed=2, translation=translation)
    for field in ("text", "text_pair"):
        assert noisy[field][:] == translation.sample(examples[field][:], temperature=0.9, seed=2)
        assert noisy[field][:] != examples[field][:]


def test_the_note_counts_what_has_changed():
    noise = Noise("label", 0.2)
    noisy = add_noise(EXAMPLES, noise, seed=0, label_names=NAMES)
    assert noise_note(EXAMPLES, noisy, noise, seed=0) == (
        "The noise label:0.2 (seed 0) changed 0 of 60 values of text, 0 of 60 values of text_pair and 12 of 60 labels."
    )
    noise = Noise("swap", 1.0)
    noisy = add_noise(SCORES, noise, seed=0)  # one word each
    assert noise_note(SCORES, noisy, noise, seed=0) == (
        "The noise swap:1 (seed 0) changed 0 of 2 values of text and 0 of 2 labels."
    )


def test_noisy_data_are_written_beside_the_clean_ones(tmp_path):
    noisy = add_noise(add_noise(EXAMPLES, Noise("label", 0.5), seed=0, label_names=NAMES), Noise("typo", 0.5), seed=0)
    path = tmp_path / "new" / "noisy.csv"
    write_noisy(path, EXAMPLES, noisy, label_names=NAMES)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["text", "text_noisy", "text_pair", "text_pair_noisy", "label", "label_noisy"]
    for i, row in enumerate(rows):
        assert (row["text"], row["text_noisy"]) == (EXAMPLES["text"][i], noisy["text"][i])
        assert (row["text_pair"], row["text_pair_noisy"]) == (EXAMPLES["text_pair"][i], noisy["text_pair"][i])
        assert (row["label"], row["label_noisy"]) == (NAMES[EXAMPLES["label"][i]], NAMES[noisy["label"][i]])
    assert len(rows) == 60


def test_numbers_are_written_as_they_are_and_a_folder_is_no_file(tmp_path):
    write_noisy(tmp_path / "a.csv", SCORES, SCORES)
    assert (tmp_path / "a.csv").read_text() == "text,text_noisy,label,label_noisy\na,a,0.5,0.5\nb,b,1.5,1.5\n"
    with pytest.raises(UserError, match="cannot be written"):
        write_noisy(tmp_path, SCORES, SCORES)


def test_a_file_that_was_not_written_to_its_end_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        write_noisy(tmp_path / "a.csv", SCORES, SCORES.select(range(1)))
    assert not (tmp_path / "a.csv").exists()
    write_noisy(tmp_path / "a.csv", SCORES, SCORES)
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
