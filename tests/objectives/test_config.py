import pytest

from cmploss.errors import UserError
from cmploss.objectives import (
    Comparative,
    ObjectiveConfig,
    build_objective,
    is_objective,
    split_objectives,
    with_own_settings,
)


def test_commas_within_parentheses_do_not_split():
    text = "supervised,comparative(n_drop=0, n_crop=1) ,no_dropout"
    assert split_objectives(text) == ("supervised", "comparative(n_drop=0,n_crop=1)", "no_dropout")


def test_own_settings_come_before_shared_ones():
    shared = ObjectiveConfig(n_drop=3, n_crop=2, target="first", dropout_p=0.2)
    name, config = with_own_settings("comparative(n_drop=1,n_crop=0)", shared)
    assert name == "comparative"
    assert config == ObjectiveConfig(n_drop=1, n_crop=0, target="first", dropout_p=0.2)
    assert shared.n_drop == 3


def test_a_sum_takes_the_settings_of_all_its_parts():
    name, config = with_own_settings("comparative(n_drop=2)+scl(contrastive_weight=0.5)", ObjectiveConfig())
    assert name == "comparative+scl"
    assert (config.n_drop, config.contrastive_weight) == (2, 0.5)


def test_an_objective_is_built_with_its_settings():
    objective = build_objective("comparative(n_drop=2,target=best)", ObjectiveConfig(n_drop=1))
    assert isinstance(objective, Comparative)
    assert len(objective.variants) == 3
    assert objective.target == "best"
    assert is_objective("comparative(n_drop=2)")
    assert not is_objective("compare(n_drop=2)")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("comparative(n_drops=2)", r"objective comparative\(n_drops=2\): 'n_drops=2' is no setting; write name=value"),
        ("comparative(n_drop)", "'n_drop' is no setting"),
        ("comparative()", "'' is no setting"),
        ("comparative(n_drop=two)", "--n_drop must be a whole number, got 'two'"),
        ("comparative(target=last)", "--target must be one of ultra, first, best, got 'last'"),
    ],
)
def test_faulty_settings(text, message):
    with pytest.raises(UserError, match=message):
        is_objective(text)
