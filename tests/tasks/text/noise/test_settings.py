import pytest

from cmploss.errors import UserError
from cmploss.tasks.text.noise import NOISES, Noise, parse_noise

ALL = "none, label:RATE, label_class:RATE, typo:RATE, drop:RATE, swap:RATE, text:RATE, back_translation:TEMPERATURE"


@pytest.mark.parametrize("kind", [kind for kind in NOISES if kind != "none"])
def test_every_kind_is_read_and_written(kind):
    noise = parse_noise(f" {kind} : 0.25 ")
    assert noise == Noise(kind, 0.25)
    assert str(noise) == f"{kind}:0.25"
    assert parse_noise(str(noise)) == noise


def test_none():
    assert parse_noise("none") == Noise()
    assert str(Noise()) == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labels:0.2", f"--noise 'labels' is unknown; choose from {ALL}"),
        ("", f"--noise '' is unknown; choose from {ALL}"),
        ("label", "--noise label: '' is no number; write label:RATE"),
        ("typo:much", "--noise typo:much: 'much' is no number; write typo:RATE"),
        ("back_translation:", "--noise back_translation:: '' is no number; write back_translation:TEMPERATURE"),
        ("label:0", "--noise label:0 is out of range; give a rate above 0, up to 1"),
        ("drop:1.5", "--noise drop:1.5 is out of range; give a rate above 0, up to 1"),
        ("swap:nan", "--noise swap:nan is out of range; give a rate above 0, up to 1"),
        ("back_translation:0", "--noise back_translation:0 is out of range; give a temperature above 0"),
        ("back_translation:inf", "--noise back_translation:inf is out of range; give a temperature above 0"),
        ("none:0.1", "--noise none takes no number; leave 0.1 out"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(UserError) as caught:
        parse_noise(text)
    assert str(caught.value) == message


def test_a_temperature_may_be_above_1():
    assert parse_noise("back_translation:1.5").level == 1.5
    assert parse_noise("label:1").level == 1.0
