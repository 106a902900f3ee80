"""Objective specs: what is read, what is built, and that every form leads back to the same spec."""

import hashlib
import json
import pickle
import sys
from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from cmploss import CmpCrop, CmpDrop, Comparative, LoL, RDrop, Supervised, SupervisedContrastive
from cmploss.errors import UserError
from cmploss.experiment import own_objective
from cmploss.experiment.spec import ObjectiveSpec, note_unused, parse_objectives
from cmploss.objectives.named import (
    OBJECTIVES,
    REGULARIZERS,
    ObjectiveConfig as Config,
    given_settings,
    settings_of_kind,
)
from cmploss.options import as_arguments, parse_arguments
from cmploss.studies.study_config import StudyConfig

MODULE = '''
from dataclasses import dataclass

@dataclass(frozen=True)
class Scaled:
    """The task loss, scaled."""

    factor: float = 2.0
    squared: bool = False

    def __post_init__(self):
        if self.factor <= 0:
            raise ValueError("factor must be positive")

    def __call__(self, model, batch, task_loss=None):
        return self.factor

class Plain:
    def __init__(self, factor=1):
        self.factor = factor

    def __call__(self, model, batch, task_loss=None):
        return self.factor

def function(model, batch, task_loss=None):
    return 0

number = 3
'''


@dataclass(frozen=True)
class Here:
    """An objective that is defined in a test."""

    factor: float = 1.0
    plan: tuple = (CmpDrop(2),)
    function: object = field(default=len, repr=False)

    def __call__(self, model, batch, task_loss=None):
        return self.factor


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module in the current directory that nothing has imported yet."""
    (tmp_path / "my_objectives.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield "my_objectives"
    sys.modules.pop("my_objectives", None)


@st.composite
def settings_of_any_kind(draw):
    """A name or sum, and values for some of its settings."""
    first = draw(st.sampled_from([*OBJECTIVES]))
    added = draw(st.lists(st.sampled_from([name for name in REGULARIZERS if name != first]), unique=True))
    kind = "+".join([first, *added])
    values = {
        "n_drop": st.integers(0, 3),
        "dropout_p": st.sampled_from([None, 0.1, 0.25]),
        "n_crop": st.integers(0, 2),
        "crop_dropout": st.sampled_from(["own", "off"]),
        "exit_heads": st.sampled_from(["shared", "own"]),
        "exit_gradient": st.sampled_from([0.0, 0.1, 1.0]),
        "layers": st.sampled_from(["4,2", "3"]),
        "primary": st.sampled_from(["max", "mean", "full", "most_ablated"]),
        "ranking_weight": st.sampled_from([0.0, 0.5]),
        "engine": st.sampled_from(["auto", "joint", "two_pass"]),
        "target": st.sampled_from(["ultra", "first", "best"]),
        "ranking": st.sampled_from(["hinge", "listmle"]),
        "ranking_temperature": st.sampled_from([0.5, 2.0]),
        "contrastive_weight": st.sampled_from([0.1, 0.9]),
        "contrastive_temperature": st.sampled_from([0.1, 0.5]),
        "alpha": st.sampled_from([0.0, 5.0]),
        "teacher": st.sampled_from(["runs/best", "org/name@main"]),
        "distill_weight": st.sampled_from([0.0, 0.9]),
        "distill_temperature": st.sampled_from([1.0, 4.0]),
        "without_evidence": st.sampled_from([0.0, 0.5]),
        "smoothing": st.sampled_from([0.05, 0.2]),
        "feedback_weight": st.sampled_from([0.0, 3.0]),
        "revisions": st.integers(1, 4),
        "class_pairs": st.booleans(),
    }
    options = draw(st.sets(st.sampled_from([each.option for each in settings_of_kind(kind)])))
    return kind, {option: draw(values[option]) for option in options}


def parsed_again(spec):
    """The spec that the options of a spec describe on the command line."""
    options = parse_arguments(as_arguments(spec.to_cli()), [Config, StudyConfig])
    (again,) = parse_objectives(options[StudyConfig].objectives, given_settings(options[Config]))
    return again


@given(settings_of_any_kind(), st.booleans(), st.booleans())
def test_every_form_of_a_spec_leads_back_to_it(drawn, inside, labelled):
    kind, settings = drawn
    written = ",".join(f"{name}={value}" for name, value in settings.items())
    text = kind + (f"({written})" if inside and written else "")
    spec = ObjectiveSpec.parse(f"mine={text}" if labelled else text, None if inside else settings)
    assert (spec.kind, {name: spec.settings[name] for name in settings}) == (kind, settings)
    assert ObjectiveSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert parsed_again(spec) == spec


@given(settings_of_any_kind())
def test_a_ready_objective_has_the_spec_that_builds_it(drawn):
    kind, settings = drawn
    try:
        objective = ObjectiveSpec.parse(kind, settings).build()
    except UserError:
        return
    spec = ObjectiveSpec.of(objective)
    assert spec.build() == objective
    assert spec.own is None
    assert parsed_again(spec).build() == objective


def test_every_setting_has_its_type_a_help_text_and_a_search_space_of_that_type():
    for kind in OBJECTIVES:
        for each in settings_of_kind(kind):
            assert each.help.endswith(".")
            assert all(each.read(str(value)) == value for value in each.search)
    assert ObjectiveSpec.parse("scl").search_space["contrastive_temperature"] == (0.1, 0.3, 0.5, 0.7)


def test_own_settings_come_before_shared_ones():
    spec = ObjectiveSpec.parse("comparative(n_drop=1,n_crop=0)", {"n_drop": 3, "n_crop": 2, "target": "first"})
    assert spec.build() == Comparative(CmpDrop(1), target="first")


@pytest.mark.parametrize(
    ("objectives", "shared", "dropout_power", "noted"),
    [
        (
            "supervised",
            {"n_drop": 4, "alpha": 5.0},
            None,
            "--n_drop 4, --alpha 5.0 has no effect: no objective takes it from there (supervised)",
        ),
        ("supervised,no_dropout", {"teacher": "m", "class_pairs": True}, None, "note: --teacher m has no effect"),
        ("supervised,comparative", {"n_drop": 4, "target": "best"}, None, ""),
        ("comparative(n_drop=2)", {"n_drop": 4}, None, "--n_drop 4 has no effect"),
        ("supervised", {"dropout_p": 0.2}, None, "--dropout_p 0.2 has no effect"),
        ("supervised", {"dropout_p": 0.2}, "1,2", ""),
        ([Comparative(CmpDrop(2)), Here()], {"n_drop": 4}, None, "--n_drop 4 has no effect"),
        ([Here()], {"class_pairs": True}, None, ""),
    ],
)
def test_settings_that_no_objective_takes_are_noted(caplog, objectives, shared, dropout_power, noted):
    note_unused(parse_objectives(objectives, shared), shared, dropout_power)
    assert noted in caplog.text
    assert len(caplog.messages) == bool(noted)


def test_settings_are_written_by_option_or_by_field():
    for text in ("scl(weight=0.5,temperature=0.1)", "scl(contrastive_weight=0.5, contrastive_temperature=0.1)"):
        assert ObjectiveSpec.parse(text).build() == SupervisedContrastive(0.5, 0.1)
    assert ObjectiveSpec.parse("lol(weight=0,revisions=3)").build() == LoL(0.0, revisions=3)


def test_a_sum_takes_the_settings_of_all_its_terms():
    spec = ObjectiveSpec.parse("comparative(n_drop=2)+scl(contrastive_weight=0.5)")
    assert (spec.name, spec.kind) == ("comparative(n_drop=2)+scl(contrastive_weight=0.5)", "comparative+scl")
    assert spec.build() == SupervisedContrastive(0.5, base=Comparative(CmpDrop(2)))


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("supervised", Supervised()),
        ("no_dropout", Supervised(dropout=False)),
        ("rdrop", RDrop(base=Supervised(p=0.2))),
        ("scl", SupervisedContrastive()),
        ("comparative(n_drop=0,n_crop=2,dropout_p=none)", Comparative(CmpCrop(2))),
        ("feedback", LoL()),
    ],
)
def test_what_a_name_builds_with_a_shared_rate_of_dropout(text, objective):
    assert ObjectiveSpec.parse(text, {"dropout_p": 0.2}).build() == objective


def test_baselines_are_what_the_mapping_says():
    names = ["supervised", "equal_compute(n_drop=3)", "a=no_dropout", "comparative", "supervised+scl"]
    assert [ObjectiveSpec.parse(name).is_baseline for name in names] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("comparativ", "objective 'comparativ' is unknown; did you mean comparative?"),
        (
            "comparative(n_drops=2)",
            r"objective comparative\(n_drops=2\): unknown setting 'n_drops'; choose from n_drop",
        ),
        ("supervised(n_drop=2)", "unknown setting 'n_drop'; choose from class_pairs"),
        ("comparative(n_drop=1,n_drop=2)", "n_drop is given twice; give it once"),
        ("scl(weight=0.5,contrastive_weight=0.6)", "contrastive_weight is given twice; give it once"),
        ("comparative(n_drop)", "'n_drop' is not a setting; write name=value"),
        ("comparative()", "'' is not a setting"),
        ("comparative(n_drop=two)", "--n_drop must be a whole number, got 'two'"),
        ("comparative(target=last)", "--target must be one of ultra, first, best, got 'last'"),
        ("comparative(n_drop=1)(n_crop=1)", "write settings once"),
        ("scl+comparative", "comparative cannot be added, only scl, rdrop, label_smoothing, distill; write it first"),
        ("comparative+scl+scl", "has a name twice"),
        ("comparative+", "objective '' is unknown"),
        ("supervised,supervised", "supervised appears twice"),
        (
            "comparative(n_drop=1),comparative(n_drop=01)",
            r"\(n_drop=1\) and comparative\(n_drop=01\) are the same objective; .*, as in a=comparative\(n_drop=01\)",
        ),
        ("comparative,scl,comparative(n_drop=1)", r"comparative and comparative\(n_drop=1\) are the same objective"),
        ({"a b": "supervised"}, "objective name 'a b': use letters"),
        ([Comparative], "Comparative is a class; give an instance"),
        ({"mine": 3}, "objective 'mine': a int is not callable"),
        ([], "must name at least one objective"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(UserError, match=message):
        parse_objectives(text)


def test_an_objective_twice_with_a_name_of_its_own():
    assert [spec.name for spec in parse_objectives("comparative,again=comparative(n_drop=1)")] == [
        "comparative",
        "again",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scl(weight=2)", r"objective scl\(weight=2\): contrastive weight=2\.0 must lie in \[0, 1\]"),
        ("comparative(n_drop=-2)", "n_drop=-2 must not be negative"),
        ("equal_compute(n_drop=0,n_crop=1,dropout_p=0.1)", r"dropout_p=0\.1 is the base rate of CmpDrop"),
    ],
)
def test_settings_that_the_objective_refuses(text, message):
    with pytest.raises(UserError, match=message):
        ObjectiveSpec.parse(text).build()


def test_an_import_path_is_found_in_the_current_directory(own_module):
    text = f"{own_module}:Scaled(factor=3)"
    spec = ObjectiveSpec.parse(text, {"alpha": 2.0})
    assert (spec.name, spec.kind) == (text, f"{own_module}:Scaled")
    assert spec.settings == {"factor": 3.0, "squared": False, "class_pairs": False}
    assert spec.source == {
        "import": f"{own_module}:Scaled",
        "file": "my_objectives.py",
        "sha256": hashlib.sha256(MODULE.encode()).hexdigest(),
    }
    assert ObjectiveSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    assert pickle.loads(pickle.dumps(spec)).build() == spec.build()
    assert parsed_again(spec) == spec


@pytest.mark.parametrize(
    ("name", "settings", "factor"), [("Plain", {}, 1), ("Plain(factor=4)", {"factor": 4}, 4), ("function", {}, 0)]
)
def test_classes_that_are_no_dataclass_and_functions(own_module, name, settings, factor):
    spec = ObjectiveSpec.parse(f"mine={own_module}:{name}")
    assert spec.settings == settings | {"class_pairs": False}
    assert spec.build()(None, None) == factor
    assert parsed_again(spec).build()(None, None) == factor
    assert pickle.loads(pickle.dumps(spec)).build()(None, None) == factor


def test_an_object_of_a_module_is_known_by_its_import_path(own_module):
    module = own_objective.import_object(f"{own_module}:Scaled")
    spec = ObjectiveSpec.of(module(3.0), "mine")
    assert (spec.name, spec.kind, spec.importable) == ("mine", f"{own_module}:Scaled", True)
    assert parsed_again(spec) == spec
    unnamed = ObjectiveSpec.of(module(3.0))
    assert unnamed.name == "Scaled(factor=3.0,squared=false)"


def test_what_another_process_cannot_import_says_so():
    @dataclass(frozen=True)
    class Local:
        def __call__(self, model, batch, task_loss=None):
            return 1

    ready = [Local(), lambda model, batch, task_loss=None: 1, Here(plan=(lambda: 1,))]
    for number, objective in enumerate(ready):
        spec = ObjectiveSpec.of(objective, f"mine{number}")
        assert not spec.importable
        assert spec.build() is objective
        with pytest.raises(UserError, match=rf"objective mine{number}: .*; give the object"):
            ObjectiveSpec.from_dict(spec.to_dict()).build()
    for objective in (Here(2.0), Here(plan=(CmpDrop(3),)), Comparative(CmpCrop(1, "off"))):
        spec = ObjectiveSpec.of(objective)
        assert spec.importable
        assert pickle.loads(pickle.dumps(spec)).build() == objective


def test_settings_of_a_dataclass_are_its_fields_in_json_types():
    spec = ObjectiveSpec.of(Here(2.0), "mine")
    function = {"name": "builtins:len", "sha256": None}
    plan = [{"name": "cmploss.ablation.variants:CmpDrop", "fields": {"n_drop": 2, "p": None}}]
    assert spec.settings == {"factor": 2.0, "plan": plan, "function": function, "class_pairs": False}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no_such_module:Mine", "objective no_such_module:Mine: no module named 'no_such_module' in "),
        ("my_objectives.inner:Mine", "no module named|importing my_objectives.inner failed"),
        ("my_objectives:Scale", "my_objectives has no attribute 'Scale'; did you mean Scaled?"),
        ("my_objectives:number", "a int is not callable"),
        ("my_objectives:Scaled(size=1)", "unknown setting 'size'; choose from factor, squared"),
        ("my_objectives:Scaled(factor=much)", "--factor must be a number, got 'much'"),
        ("my_objectives:Scaled(factor=-1)", "ValueError: factor must be positive"),
        ("my_objectives:Plain(size=1)", "TypeError: .* unexpected keyword argument 'size'"),
        ("my_objectives:function(size=1)", "takes no settings because it is not a class; got size"),
        ("my_objectives:Scaled+scl", "my_objectives:Scaled cannot be part of a sum"),
        ("broken:Mine", "importing broken failed: ZeroDivisionError: division by zero"),
    ],
)
def test_faulty_import_paths_are_one_line(own_module, tmp_path, path, message):
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(UserError, match=message) as caught:
        ObjectiveSpec.parse(path)
    assert "\n" not in str(caught.value)


def test_an_entry_point_is_a_name(own_module, monkeypatch):
    monkeypatch.setattr(own_objective, "entry_point", None)  # not what spec uses
    monkeypatch.setattr("cmploss.experiment.spec.entry_point", {"scaled": f"{own_module}:Scaled"}.get)
    spec = ObjectiveSpec.parse("scaled(factor=5)")
    assert (spec.name, spec.kind, spec.source["import"]) == ("scaled(factor=5)", "scaled", f"{own_module}:Scaled")
    assert spec.build().factor == 5.0
    assert parsed_again(spec) == spec


def test_entry_points_are_those_of_the_group(monkeypatch):
    class Point:
        value = "package.module:Mine"

    def entry_points(group, name):
        return [Point()] if (group, name) == ("cmploss.objectives", "mine") else []

    monkeypatch.setattr(own_objective, "entry_points", entry_points)
    assert own_objective.entry_point("mine") == "package.module:Mine"
    assert own_objective.entry_point("other") is None
