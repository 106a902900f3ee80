import pytest

from cmploss.errors import UserError
from cmploss.experiment import NOISES, Noise

ALL = "none, label:RATE, label_class:RATE, typo:RATE, drop:RATE, swap:RATE, text:RATE, back_translation:TEMPERATURE"


@pytest.mark.parametrize("kind", [kind for kind in NOISES if kind != "none"])
def test_every_kind_is_read_and_written(kind):
    noise = Noise.parse(f" {kind} : 0.25 ")
    assert noise == Noise(kind, 0.25)
    assert str(noise) == f"{kind}:0.25"
    assert Noise.parse(str(noise)) == noise


def test_none():
    assert Noise.parse("none") == Noise()
    assert str(Noise()) == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels:0.2", f"--noise 'labels' is unknown; choose from {ALL}"),
        ("", f"--noise '' is unknown; choose from {ALL}"),
        ("label", "--noise label: '' is not a number; write label:RATE"),
        ("typo:much", "--noise typo:much: 'much' is not a number; write typo:RATE"),
        ("back_translation:", "--noise back_translation:: '' is not a number; write back_translation:TEMPERATURE"),
        ("label:0", "--noise label: the rate must be in (0, 1], got 0"),
        ("drop:1.5", "--noise drop: the rate must be in (0, 1], got 1.5"),
        ("swap:nan", "--noise swap: the rate must be in (0, 1], got nan"),
        ("back_translation:0", "--noise back_translation: the temperature must be > 0, got 0"),
        ("back_translation:inf", "--noise back_translation: the temperature must be > 0, got inf"),
        ("none:0.1", "--noise none takes no number; remove 0.1"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(UserError) as caught:
        Noise.parse(text)
    assert str(caught.value) == message


def test_a_temperature_may_be_above_1():
    assert Noise.parse("back_translation:1.5").level == 1.5
    assert Noise.parse("label:1").level == 1.0
