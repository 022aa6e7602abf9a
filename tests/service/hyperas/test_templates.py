from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import CannotImport, Imported

Import = Callable[..., Imported]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("model.add(Dense({{choice([4, 8])}}))", 'Dense(hp.Choice("units", [4, 8]))'),
        ("model.add(Dropout({{uniform(0, 1)}}))", 'Dropout(hp.Float("dropout", 0, 1))'),
        ("model.add(Dropout(p={{uniform(high=1, low=0)}}))", 'hp.Float("dropout", 0, 1)'),
        ("width = int({{quniform(8, 32, 8)}})", 'int(hp.Float("width", 8, 32, step=8))'),
        ("width = {{ randint( 3 ) }}", 'hp.Int("width", 0, 3 - 1)'),
        (
            "rate = {{loguniform(-9, -2)}}",
            'hp.Float("rate", math.exp(-9), math.exp(-2), sampling="log")',
        ),
        ("settings = {'width': {{choice([4, 8])}}}", 'hp.Choice("width", [4, 8])'),
        ("flag = {{choice([True, False])}}", 'hp.Boolean("flag")'),
        ("rate = {{choice([0, 0.5])}}", 'hp.Choice("rate", [0.0, 0.5])'),
        ("rate = {{choice([10**-3, 10**-2])}}", 'hp.Choice("rate", [10**-3, 10**-2])'),
        ("rate = {{choice([1, 1, 2])}}", 'hp.Choice("rate", [1, 2])'),
        ("rate = {{pchoice([(0.2, 1), (0.8, 2)])}}", 'hp.Choice("rate", [1, 2])'),
        (
            "size = {{choice([(3, 3), None])}}",
            '{"(3, 3)": (3, 3), "None": None}[hp.Choice("size", ["(3, 3)", "None"])]',
        ),
    ],
)
def test_a_template_asks_hp_by_the_name_of_what_it_stands_for(
    import_model: Import, line: str, code: str
) -> None:
    assert code in import_model(f"model = Sequential()\n{line}").code


def test_a_name_is_given_once_and_numbered_as_by_hyperas(import_model: Import) -> None:
    imported = import_model("""
        model = Sequential()
        model.add(Dense({{choice([1, 2])}}))
        model.add(Dense({{choice([3, 4])}}))
        model.add(Dense({{choice([5, 6])}}))
    """)
    assert [p.name for p in imported.parameters] == ["units", "units_1", "units_2"]


def test_what_training_would_take_for_its_own_and_cant_use_has_another_name(
    import_model: Import,
) -> None:
    imported = import_model("""
        model = Sequential()
        model.add(Dense({{choice([1, 2])}}))
        optimizer = {{choice(['mine', 'yours'])}}
        learning_rate = {{uniform(-1, 1)}}
        clipnorm = {{choice([1.0, 2.0])}}
    """)
    names = [p.name for p in imported.parameters]
    assert names == ["units", "optimizer_choice", "learning_rate_choice", "clipnorm"]


def test_optimizers_are_called_as_training_calls_them(import_model: Import) -> None:
    end = """
        model.compile(optimizer={{choice(['Adam', 'SGD'])}}, loss='mse', metrics=['accuracy'])
        model.fit(x_train, y_train)
        return {'loss': -model.evaluate(x_test, y_test)[1], 'model': model}
    """
    assert (
        'hp.Choice("optimizer", ["adam", "sgd"])' in import_model("model = Sequential()", end).code
    )


def test_distributions_that_hp_lacks_stand_in_the_jobs_space(import_model: Import) -> None:
    imported = import_model("""
        model = Sequential()
        a = {{normal(0, 10**-1)}}
        if {{choice([1, 2])}} == 2:
            b = {{quniform(0, 1, 0.25)}}
    """)
    assert "a: '{{normal(0, 0.1)}}'" in imported.job
    assert "round_to: 0.25" in imported.job
    assert "when:\n      branch:\n      - 2\n" in imported.job


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("{{beta(1, 2)}}", "beta(1, 2) is no distribution of Hyperas"),
        ("{{uniform(1)}}", "write uniform(low, high), not uniform(1)"),
        ("{{choice([])}}", "a choice needs options"),
    ],
)
def test_a_template_that_cant_be_meant_is_refused_with_its_line(
    import_model: Import, template: str, sentence: str
) -> None:
    with pytest.raises(CannotImport) as refused:
        import_model(f"model = Sequential()\nx = {template}")
    assert f"script.py: line 16: {sentence}" in str(refused.value)
