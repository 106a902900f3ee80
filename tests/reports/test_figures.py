from xml.etree import ElementTree

from cmploss.reports.curves import COLOURS, Curve
from cmploss.reports.figures import write_curves


def test_a_figure_has_its_text_as_text_and_a_band_per_sd(tmp_path):
    path = tmp_path / "f.svg"
    curves = {"supervised": Curve([2, 4], [50.0, 40.0], [1.0, 2.0]), "no & dropout": Curve([2, 4], [60.0, 30.0])}
    write_curves(path, curves, xlabel="paragraphs per question", ylabel="F1 (%)")
    text = path.read_text()
    words = {element.text for element in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")}
    assert {"supervised", "no & dropout", "paragraphs per question", "F1 (%)", "2", "4"} <= words
    assert text.count('id="FillBetweenPolyCollection') == 1
    for colour in COLOURS[:2]:
        assert colour.lower() in text


def test_a_figure_is_the_same_every_time(tmp_path):
    for name in ("a.svg", "b.svg"):
        write_curves(tmp_path / name, {"f1": Curve([1, 2], [3.0, 4.0])}, xlabel="x", ylabel="y")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
