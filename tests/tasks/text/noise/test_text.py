import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from cmploss.tasks.text.noise.text_noise import NEIGHBOURS, TEXT_NOISES, noisy_text, typo

WORDS = [f"{a}{b}ord{a}{b}" for a in "abcdefghij" for b in "klmnopqrst"]  # 100 different words
TEXT = " ".join(WORDS)
TEXTS = [f"{TEXT} {number}" for number in range(40)]
SIMPLE = ("typo", "drop", "swap")


def is_one_typo(word, wrong):
    """Whether a word becomes another by one substitution, insertion, deletion or transposition, by trying them all."""
    for i in range(len(word)):
        low = word[i].lower()
        keys = NEIGHBOURS.get(low, "")
        keys = keys.upper() if word[i].isupper() else keys
        options = {word[:i] + word[i + 1 :]} | {word[:i] + key + word[i + 1 :] for key in keys}
        options |= {word[: i + 1] + key + word[i + 1 :] for key in keys}
        options |= {word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]}
        if wrong in options:
            return True
    return False


def test_neighbours_on_the_keyboard():
    assert set(NEIGHBOURS["g"]) == set("tyfhvb")
    assert set(NEIGHBOURS["q"]) == set("wa")
    assert set(NEIGHBOURS["m"]) == set("njk")
    assert all(a in NEIGHBOURS[b] for a, others in NEIGHBOURS.items() for b in others)
    assert len(NEIGHBOURS) == 26


@given(st.text(alphabet="abzQé2!", max_size=6), st.integers(0, 100))
def test_a_typo_is_one_edit_and_changes_the_word(word, seed):
    wrong = typo(word, random.Random(seed))
    letters = any(map(str.isalpha, word))
    possible = letters and (len(word) > 1 or word.lower() in NEIGHBOURS)
    assert (wrong != word) == possible
    assert not possible or is_one_typo(word, wrong)
    assert wrong or not word


def test_all_kinds_of_typos_occur():
    found = Counter(len(typo("Nice", random.Random(seed))) for seed in range(400))
    assert found[3] == pytest.approx(100, abs=35)  # lost
    assert found[5] == pytest.approx(100, abs=35)  # slipped in
    same = {typo("Nice", random.Random(seed)) for seed in range(400)} & {"iNce", "Ncie", "Niec", "Bice", "Nice"}
    assert same == {"iNce", "Ncie", "Niec", "Bice"}


def test_words_that_allow_no_typo():
    words = ["42", "...", "", "é", "字", "!?"]
    assert [typo(word, random.Random(0)) for word in words] == words


def test_typos_have_their_rate_and_stay_in_place():
    changed = 0
    for text in TEXTS:
        words, found = text.split(), noisy_text(text, "typo", 0.1, seed=0).split()
        assert len(words) == len(found)
        pairs = [(word, wrong) for word, wrong in zip(words, found, strict=True) if word != wrong]
        assert all(is_one_typo(*pair) for pair in pairs)
        changed += len(pairs)
    assert changed / 4000 == pytest.approx(0.1, abs=0.015)


def test_dropped_words_have_their_rate_and_the_rest_its_order():
    kept = 0
    for text in TEXTS:
        words, found = text.split(), noisy_text(text, "drop", 0.2, seed=0).split()
        places = [words.index(word) for word in found]
        assert places == sorted(places)
        kept += len(found)
    assert kept / (40 * 101) == pytest.approx(0.8, abs=0.02)


def test_one_word_stays():
    for text in TEXTS:
        assert len(noisy_text(text, "drop", 1.0, seed=0).split()) == 1
    assert noisy_text("alone", "drop", 1.0, seed=0) == "alone"


def test_swapped_words_are_neighbours_and_have_their_rate():
    moved = 0
    for text in TEXTS:
        words, found = text.split(), noisy_text(text, "swap", 0.3, seed=0).split()
        places = [words.index(word) for word in found]
        assert sorted(places) == list(range(101))
        assert all(abs(place - i) <= 1 for i, place in enumerate(places))
        moved += sum(place != i for i, place in enumerate(places))
    assert moved / (40 * 101) == pytest.approx(0.3, abs=0.03)
    starts = {noisy_text(text, "swap", 1.0, seed=0).split()[0] for text in TEXTS}
    assert starts == set(WORDS[:2])  # pairs start at the first word or at the second


def noisy_words(text, kind, rate, seed):
    """Word -> how it is spelt now, None if it was left out."""
    found = noisy_text(text, kind, rate, seed=seed).split()
    words = text.split()
    state = {}
    for word in words:
        match = [i for i, other in enumerate(found) if other == word or is_one_typo(word, other)]
        state[word] = found[match[0]] if match else None
    return state


@pytest.mark.parametrize("kind", TEXT_NOISES)
def test_what_is_noisy_at_one_rate_is_noisy_alike_at_a_higher_one(kind):
    # Words of which none is one edit from another, so that each is known again.
    text = "amber bridge castle dragon elbow forest garden hammer island jungle kitten ladder"
    words = text.split()
    seen = 0
    for seed in range(60):
        low, high = (noisy_words(text, kind, rate, seed) for rate in (0.3, 0.6))
        for word in words:
            if low[word] != word:
                seen += 1
                assert high[word] in (low[word], None)
                assert kind == "text" or high[word] == low[word]
        places = [noisy_text(text, "swap", rate, seed=seed).split() for rate in (0.3, 0.6)]
        assert all(places[1][i] == word for i, word in enumerate(places[0]) if word != words[i])
    assert seen > 50 or kind == "swap"


def test_all_three_share_the_rate():
    lost = wrong = moved = 0
    for text in TEXTS:
        words, found = text.split(), noisy_text(text, "text", 0.3, seed=0).split()
        lost += len(words) - len(found)
        wrong += len(set(found) - set(words))
        places = [words.index(word) for word in found if word in words]
        moved += sum(later < earlier for earlier, later in pairwise(places))
    assert lost / 4040 == pytest.approx(0.1, abs=0.02)
    assert wrong / 4040 == pytest.approx(0.1 * 0.9, abs=0.02)
    assert 0.02 < moved / 4040 < 0.05  # a twentieth of the words, but for those that are lost or wrong


@pytest.mark.parametrize("kind", TEXT_NOISES)
def test_the_text_the_seed_and_nothing_else_decide(kind):
    found = [noisy_text(TEXT, kind, 0.3, seed=seed) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]
    assert found[0] != TEXT


def test_nothing_changes_at_rate_0_nor_without_words():
    spaced = "  two  spaces\tand\na line "
    for kind in TEXT_NOISES:
        assert noisy_text(spaced, kind, 0.0, seed=0) == spaced
        assert noisy_text("", kind, 1.0, seed=0) == ""


def test_the_noise_is_the_same_in_any_version():
    # Mersenne twister seeded with a string: Random("3 drop a b c").random() three times
    draw = random.Random("3 drop a b c")
    chances = [draw.random() for _ in range(3)]
    kept = [word for word, chance in zip("abc", chances, strict=True) if chance >= 0.5 or chance == max(chances)]
    assert noisy_text("a b c", "drop", 0.5, seed=3) == " ".join(kept)
    assert len(kept) < 3
