from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import CannotImport, Imported

Import = Callable[..., Imported]

MODEL = "model = Sequential([Dense({{choice([1, 2])}})])\nmodel.compile('sgd', 'mse')"
RETURN = "return {'loss': model.evaluate(x_test, y_test)[0], 'model': model}"


@pytest.mark.parametrize(
    ("fit", "in_code", "in_job"),
    [
        ("model.fit(x_train, y_train, 64, 7)", "", "epochs: 7\n"),
        ("model.fit(x_train, y_train, batch_size=64)", "", "batch_size: 64\n"),
        (
            "model.fit(x_train, y_train, epochs={{choice([1, 2])}})",
            'hp.Choice("epochs", [1, 2])',
            "",
        ),
        (
            "b = {{choice([8, 9])}}\nmodel.fit(x_train, y_train, b)",
            'hp.Choice("batch_size", [8',
            "",
        ),
        ("b = 4\nmodel.fit(x_train, y_train, batch_size=b)", "", "batch_size: 4\n"),
        ("model.fit(x_train, y_train, validation_data=(x_test, y_test), verbose=2)", "", ""),
    ],
)
def test_training_itself_does_what_a_plain_fit_does(
    import_model: Import, fit: str, in_code: str, in_job: str
) -> None:
    imported = import_model(MODEL, f"{fit}\n{RETURN}\n")
    assert "def build(hp):" in imported.code
    assert "model.fit" not in imported.code
    assert in_code in imported.code
    assert in_job in imported.job


@pytest.mark.parametrize(
    ("fit", "lines"),
    [
        (
            "model.fit(x_train, y_train, callbacks=early)",
            ["callbacks=[*early, *kwargs[\"callbacks\"]],", 'epochs=kwargs.get("epochs", 1),'],
        ),
        (
            "model.fit(x_train, y_train, batch_size=2**{{choice([4, 5])}}, nb_epoch=3)",
            ['batch_size=2**hp["batch_size_part"],', 'epochs=kwargs.get("epochs", 3),'],
        ),
        (
            "x_test = x_test / 2\nmodel.fit(x_train, y_train, validation_data=(x_test, y_test))",
            ['x_test, y_test = kwargs["validation_data"]', "x_test = x_test / 2"],
        ),
        (
            "for rate in (0.1, 0.01):\n    hist = model.fit(x_train, y_train, nb_epoch=2)",
            ["for rate in (0.1, 0.01):", "epochs=2,", "return hist"],
        ),
        (
            "if {{choice([1, 2])}} == 1:\n    model.fit(x_train, y_train)\n"
            "else:\n    model.fit(x_train, y_train, class_weight={0: {{uniform(1, 2)}}})",
            ["history = model.fit(", 'class_weight={0: hp["class_weight"]},', "return history"],
        ),
    ],
)  # fmt: skip
def test_any_other_fit_is_kept_and_given_what_a_trial_hands_over(
    import_model: Import, fit: str, lines: list[str]
) -> None:
    code = import_model(f"early = [len]\n{MODEL}", f"{fit}\n{RETURN}\n").code
    build, _, training = code.partition("    def fit(self, hp, model, x_train, y_train, **kwargs):")
    assert "model.fit" not in build
    for line in [*lines, "validation_data", "callbacks", "verbose=0"]:
        assert line in training


def test_parameters_of_training_are_declared_by_build(import_model: Import) -> None:
    fit = "model.fit(x_train, y_train, class_weight={0: {{uniform(1, 2)}}})"
    code = import_model(MODEL, f"{fit}\n{RETURN}\n").code
    assert 'hp.Float("class_weight", 1, 2)\n        return model' in code


@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        ("model.train_on_batch(x_train, y_train)", "line 17: it trains by hand"),
        (
            "for i in range(2):\n    model = Sequential()\n    model.fit(x_train, y_train)",
            "line 17: model is made and trained in one block",
        ),
    ],
)
def test_a_training_that_cant_be_told_from_building_is_refused(
    import_model: Import, end: str, sentence: str
) -> None:
    with pytest.raises(CannotImport) as refused:
        import_model(MODEL, f"{end}\n{RETURN}\n")
    assert sentence in str(refused.value)


def test_what_comes_after_training_is_told_of(import_model: Import) -> None:
    end = f"model.fit(x_train, y_train)\nprint('done')\nmodel.save('x.h5')\n{RETURN}\n"
    told = import_model(MODEL, end).sentences()
    assert "line 19: left out, for it comes after training: model.save('x.h5')" in told
    assert not any("print" in note for note in told)


def test_rows_that_the_model_function_makes_itself_are_not_what_a_trial_validates_by(
    import_model: Import,
) -> None:
    fit = "a, b, c, d = split(x_train, y_train)\nmodel.fit(a, c, validation_data=(b, d))"
    code = import_model(MODEL, f"{fit}\n{RETURN}\n").code
    assert "        a, b, c, d = split(x_train, y_train)\n        return model.fit(" in code
    assert '            validation_data=kwargs["validation_data"],\n' in code


def test_what_a_fit_unpacks_is_kept_and_told_of(import_model: Import) -> None:
    end = f"more = dict(epochs=3)\nmodel.fit(x_train, y_train, **more)\n{RETURN}\n"
    imported = import_model(MODEL, end)
    assert "            verbose=0,\n            **more,\n" in imported.code
    assert "epochs" not in imported.job
    assert any("line 18: what is unpacked here" in note for note in imported.sentences())
