from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import Imported

Import = Callable[..., Imported]

HEAD = """
from hyperas import optim
from hyperas.distributions import choice
from hyperopt import STATUS_OK, Trials, tpe
"""


def one_model(imports: str, lines: str) -> str:
    """A script of these imports, whose model function has these lines."""
    body = "".join(f"    {line}\n" for line in ["model = Sequential()", *lines.splitlines()])
    return f"""{HEAD}{imports}
from keras.models import Sequential

def data():
    return x_train, y_train, x_test, y_test

def create_model(x_train, y_train, x_test, y_test):
{body}    model.compile('sgd', 'mse', metrics=['acc'])
    model.fit(x_train, y_train, batch_size={{{{choice([8, 16])}}}}, nb_epoch=2)
    return {{'loss': -model.evaluate(x_test, y_test)[1], 'model': model}}

optim.minimize(create_model, data, tpe.suggest, 3, Trials())
"""


@pytest.mark.parametrize(
    ("imports", "line", "imported", "new"),
    [
        (
            "from keras.layers.core import Dense, Dropout",
            "model.add(Dense(8, init='he_normal', W_regularizer=None, bias=False))",
            "from keras.layers import Dense\n",
            "Dense(8, kernel_initializer='he_normal', kernel_regularizer=None, use_bias=False)",
        ),
        (
            "from keras.layers.convolutional import Convolution2D",
            "model.add(Convolution2D(8, 3, 5, border_mode='same', dim_ordering='th'))",
            "from keras.layers import Conv2D as Convolution2D\n",
            "Convolution2D(8, (3, 5), padding='same', data_format=\"channels_first\")",
        ),
        (
            "from keras.layers import Convolution2D",
            "model.add(Convolution2D(nb_filter=8, nb_row=3, nb_col=5, subsample=(2, 2)))",
            "from keras.layers import Conv2D as Convolution2D\n",
            "Convolution2D(filters=8, strides=(2, 2), kernel_size=(3, 5))",
        ),
        (
            "from keras.layers import Conv2D",
            "model.add(Conv2D(8, (3, 3), 2))",
            "from keras.layers import Conv2D\n",
            "Conv2D(8, (3, 3), 2)",
        ),
        (
            "from keras.layers.recurrent import LSTM",
            "model.add(LSTM(8, dropout_W=0.1, inner_activation='tanh', input_dim=3))",
            "from keras.layers import LSTM\n",
            "model.add(keras.Input((None, 3)))\n"
            "    model.add(LSTM(8, dropout=0.1, recurrent_activation='tanh'))",
        ),
        (
            "from keras import layers",
            "model.add(layers.Dense(4, batch_input_shape=(5, 3)))",
            "from keras import layers\n",
            "model.add(keras.Input(batch_shape=(5, 3)))\n    model.add(layers.Dense(4))",
        ),
        (
            "import keras.layers.core as core",
            "model.add(core.Dense(output_dim=4))",
            "import keras.layers as core\n",
            "core.Dense(units=4)",
        ),
        (
            "import keras.layers.core",
            "model.add(keras.layers.core.Dense(4))",
            "import keras.layers\n",
            "model.add(keras.layers.Dense(4))",
        ),
        (
            "from keras.layers import *",
            "model.add(Dropout(p=0.5))",
            "from keras.layers import *\n",
            "Dropout(rate=0.5)",
        ),
        (
            "import tensorflow as tf",
            "model.add(tf.keras.layers.Dense(4, init='zero'))",
            "import tensorflow as tf\n",
            "tf.keras.layers.Dense(4, kernel_initializer='zero')",
        ),
        (
            "from keras.optimizers import SGD",
            "optimizer = SGD(lr=0.1, decay=1e-6, momentum=0.9)",
            "import keras\n",
            "SGD(learning_rate=keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1e-6), "
            "momentum=0.9)",
        ),
        (
            "from keras.optimizers import SGD",
            "optimizer = SGD(lr=0.1, decay=0.0, epsilon=None)",
            "from keras.optimizers import SGD\n",
            "SGD(learning_rate=0.1)",
        ),
        (
            "from keras.constraints import maxnorm",
            "limit = maxnorm(m=2)",
            "from keras.constraints import MaxNorm as maxnorm\n",
            "maxnorm(max_value=2)",
        ),
        (
            "from keras.utils.np_utils import to_categorical",
            "y_train = to_categorical(y_train, nb_classes=3)",
            "from keras.utils import to_categorical\n",
            "to_categorical(y_train, num_classes=3)",
        ),
        (
            "from keras.callbacks import ModelCheckpoint",
            "keep = ModelCheckpoint('w.{epoch}-{val_acc:.2f}.hdf5', monitor='val_acc', period=2)",
            "from keras.callbacks import ModelCheckpoint\n",
            "ModelCheckpoint('w.{epoch}-{val_accuracy:.2f}.keras', monitor='val_accuracy')",
        ),
        (
            "from keras.callbacks import ModelCheckpoint",
            "keep = ModelCheckpoint('weights.h5', save_weights_only=True)",
            "from keras.callbacks import ModelCheckpoint\n",
            "ModelCheckpoint('weights.weights.h5', save_weights_only=True)",
        ),
        (
            "from keras.wrappers.scikit_learn import KerasClassifier",
            "wrapped = KerasClassifier(build_fn=len, nb_epoch=3, units=4)",
            "from keras.wrappers import SKLearnClassifier as KerasClassifier\n",
            "KerasClassifier(lambda x, y, **kwargs: len(**kwargs), "
            'model_kwargs={"units": 4}, fit_kwargs={"epochs": 3})',
        ),
        ("", "model.load_weights('there.h5')", "", "model.load_weights('there.h5')"),
        ("", "best = model.predict_classes(x_train)", "", "best = predict_classes(model, x_train)"),
        ("", "scores = model.predict_generator(x_train)", "", "model.predict(x_train)"),
        ("", "", "", "model.compile('sgd', 'mse', metrics=[\"accuracy\"])"),
    ],
)
def test_old_keras_becomes_keras_3(
    import_source: Import, imports: str, line: str, imported: str, new: str
) -> None:
    code = import_source(one_model(imports, line)).code
    assert imported in code
    assert new in code


def test_an_input_shape_goes_before_the_first_layer_alone(import_source: Import) -> None:
    lines = """\
if x_train is None:
    model.add(Dense(1, input_shape=(2,)))
else:
    model.add(Dense(2, input_shape=(2,)))
model.add(Dense(3, input_shape=(2,)))
other = Sequential([Dense(4, input_dim=3), Dense(5, input_dim=4)])
other.add(Dense(6, input_dim=5))
for i in range(2):
    model.add(Dense(7, input_dim=6))"""
    code = import_source(one_model("from keras.layers import Dense", lines)).code
    assert code.count("model.add(keras.Input((2,)))") == 2
    assert "    model.add(Dense(3, input_shape=(2,)))" in code  # may or may not be the first
    assert "Sequential([keras.Input((3,)), Dense(4), Dense(5, input_dim=4)])" in code
    assert "model.add(Dense(7, input_dim=6))" in code


@pytest.mark.parametrize(
    ("layer", "made", "sentence"),
    [
        ("Merge", "Merge([], mode='sum')", "has no keras.layers.Merge; use"),
        ("LSTM", "LSTM(3, consume_less='mem')", "LSTM's consume_less is left out"),
        ("Embedding", "Embedding(3, 4, dropout=0.2)", "Embedding's dropout is left out"),
        ("BatchNormalization", "BatchNormalization(mode=2)", "mode is left out"),
    ],
)
def test_what_keras_3_lacks_is_told_with_its_line(
    import_source: Import, layer: str, made: str, sentence: str
) -> None:
    source = one_model(f"from keras.layers import {layer}", f"model.add({made})")
    told = import_source(source).sentences()
    assert any(sentence in note and note.startswith("line ") for note in told)


def test_what_isnt_kept_of_the_script_is_not_told_of(import_source: Import) -> None:
    source = one_model("", "pass") + "\nmodel.fit_generator(x, samples_per_epoch=9)\n"
    assert not any("samples_per_epoch is" in note for note in import_source(source).sentences())
