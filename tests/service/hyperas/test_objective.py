from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import Imported

Import = Callable[..., Imported]


@pytest.mark.parametrize(
    ("lines", "loss", "metric"),
    [
        ("loss, acc = model.evaluate(x_test, y_test)", "-acc", "val_accuracy"),
        ("loss, acc = model.evaluate(x_test, y_test)", "1 - acc", "val_accuracy"),
        ("loss, acc = model.evaluate(x_test, y_test)", "loss", "val_loss"),
        ("score = model.evaluate(x_test, y_test)", "-score[1]", "val_accuracy"),
        ("score = model.evaluate(x_test, y_test)", "score[0]", "val_loss"),
        ("best = np.amax(result.history['val_acc'])", "-best", "val_accuracy"),
        ("best = min(result.history['val_loss'])", "best", "val_loss"),
        ("curves = result.history\nlast = curves['val_accuracy'][-1]", "-last", "val_accuracy"),
    ],
)
def test_a_returned_loss_that_keras_measures_is_the_objective(
    import_model: Import, lines: str, loss: str, metric: str
) -> None:
    imported = import_model("model = Sequential([Dense({{choice([1, 2])}})])", f"""
model.compile('sgd', 'mse', metrics=['accuracy'])
result = model.fit(x_train, y_train, validation_data=(x_test, y_test))
{lines}
out = {{'loss': {loss}, 'status': STATUS_OK, 'model': model}}
return out
""")  # fmt: skip
    assert f"objective:\n  metric: {metric}\n" in imported.job
    assert not any("computed by the script" in note for note in imported.sentences())


@pytest.mark.parametrize("loss", ["-f1(model, x_test)", "acc", "-acc * 2", "-loss"])
def test_another_loss_is_told_of(import_model: Import, loss: str) -> None:
    imported = import_model("model = Sequential([Dense({{choice([1, 2])}})])", f"""
model.compile('sgd', 'mse', metrics=['accuracy'])
model.fit(x_train, y_train, validation_data=(x_test, y_test))
loss, acc = model.evaluate(x_test, y_test)
return {{'loss': {loss}, 'status': STATUS_OK, 'model': model}}
""")  # fmt: skip
    assert f"the loss {loss} is computed by the script itself" in "\n".join(imported.sentences())
    assert "metric: val_accuracy" in imported.job
