import keras
import pytest
from keras import layers

from kerasearch.models.cost import flops, memory_mib
from kerasearch.models.infeasible import InfeasibleError


def model_of(shape: tuple[int, ...], *parts: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(shape), *parts])


@pytest.mark.parametrize(
    ("model", "counted"),
    [
        (model_of((10,), layers.Dense(4)), 2 * 10 * 4 + 4),
        (model_of((7, 10), layers.Dense(4)), 7 * (2 * 10 * 4 + 4)),
        (model_of((10,), layers.Dense(4, use_bias=False, activation="relu")), 2 * 10 * 4),
        (model_of((9, 2), layers.Conv1D(5, 3, strides=2)), 4 * (2 * 3 * 2 * 5 + 5)),
        (model_of((8, 8, 3), layers.Conv2D(4, 3, padding="same")), 64 * (2 * 27 * 4 + 4)),
        (
            model_of((8, 8, 3), layers.Conv2DTranspose(4, 2, strides=2)),
            64 * (2 * 2 * 2 * 3 * 4 + 4),
        ),
        (model_of((8, 8, 3), layers.DepthwiseConv2D(3)), 36 * (2 * 9 * 3 + 3)),
        (model_of((12, 3), layers.SimpleRNN(5)), 12 * (2 * 5 * (3 + 5) + 5)),
        (model_of((12, 3), layers.LSTM(5)), 12 * (2 * 20 * (3 + 5) + 20)),
        (model_of((12, 3), layers.GRU(5)), 12 * (2 * 15 * (3 + 5) + 30)),
        (
            model_of((12, 3), layers.Bidirectional(layers.LSTM(5))),
            2 * 12 * (2 * 20 * (3 + 5) + 20),
        ),
        (model_of((12, 3), layers.TimeDistributed(layers.Dense(5))), 12 * (2 * 3 * 5 + 5)),
        (model_of((6, 4), layers.BatchNormalization()), 6 * 4 * 4),
        (model_of((9,), layers.Embedding(50, 8)), 0),
        (model_of((8, 8, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.5)), 0),
        (model_of((10,), model_of((10,), layers.Dense(4)), layers.Dense(2)), 84 + 18),
    ],
    ids=lambda part: part if isinstance(part, int) else type(part.layers[0]).__name__,
)
def test_each_weight_counts_at_each_position_where_it_is_used(
    model: keras.Model, counted: int
) -> None:
    assert flops(model) == counted


def attending() -> keras.Model:
    inputs = keras.Input((7, 4))
    attention = layers.MultiHeadAttention(2, key_dim=3, value_dim=5)
    return keras.Model(inputs, attention(inputs, inputs))


def test_attention_counts_its_projections_and_its_products() -> None:
    projections = 2 * (2 * 4 * 6 + 6) + (2 * 4 * 10 + 10) + (2 * 10 * 4 + 4)
    assert flops(attending()) == 7 * projections + 2 * (7 * 7) * 2 * (3 + 5)


@pytest.mark.parametrize(
    ("model", "parameters", "kept"),
    [
        (model_of((10,), layers.Dense(4), layers.Dense(2)), 54, 4 + 2),
        (model_of((12, 3), layers.LSTM(5)), 180, 5 + 12 * 20),
        (attending(), 154, 7 * 4 + 7 * 4 + 2 * 7 * 7),  # a functional model's input is a layer too
    ],
    ids=["dense", "recurrent", "attention"],
)
def test_memory_is_of_what_grows_with_the_model_and_with_the_batch(
    model: keras.Model, parameters: int, kept: int
) -> None:
    assert model.count_params() == parameters
    for batch in (1, 64):
        assert memory_mib(model, batch) * 2**20 == 4 * (5 * parameters + 2 * batch * kept)


def test_a_model_that_shows_no_shapes_has_no_known_cost() -> None:
    class Subclassed(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def build(self, shape: tuple[int | None, ...]) -> None:
            self.dense.build(shape)

        def call(self, x: keras.KerasTensor) -> keras.KerasTensor:
            return self.dense(x)

    model = Subclassed()
    model.build((None, 4))
    with pytest.raises(InfeasibleError, match="has no shapes before it runs"):
        flops(model)
