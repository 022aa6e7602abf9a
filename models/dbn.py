"""Deep belief networks: Boltzmann machines stacked one by one, then fine-tuned as one network."""

import keras
from keras_tuner import HyperParameters

from kerasearch.models.boltzmann import BoltzmannMachine
from kerasearch.models.codes import encoder_name
from kerasearch.models.datasets.arrays import Features
from kerasearch.models.family import ModelFamily, whole
from kerasearch.models.pretraining import learn_to_repeat, outputs_of

VISIBLE = "visible"
"""The layer whose output the first machine sees."""


class DBN(ModelFamily):
    """Layers of logistic units that start as machines, each trained on what the one before gives.

        classification      (n, ...) -> [0, 1], flattened -> [dense, sigmoid] x layers -> softmax
        reconstruction      the same, then the layers backwards -> (n, ...)

    Hinton, Osindero & Teh, A Fast Learning Algorithm for Deep Belief Nets, 2006; as autoencoder:
    Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks, 2006.
    """

    def build(self, hp: HyperParameters) -> keras.Model:
        inputs, x = self.scaled_input()
        x = keras.layers.ReLU(max_value=1.0, name=VISIBLE)(keras.layers.Flatten()(x))
        _pretraining(hp)  # refused before anything is trained
        widths = [whole(hp, f"units_{layer}") for layer in range(1, whole(hp, "layers") + 1)]
        visible = x.shape[-1]
        for layer, width in enumerate(widths, 1):
            name = encoder_name(layer, len(widths))
            x = keras.layers.Dense(width, "sigmoid", name=name)(x)
        if self.data.task == "classification":
            return self.head(inputs, x)
        for layer, width in reversed([*enumerate([visible, *widths[:-1]], 1)]):
            x = keras.layers.Dense(width, "sigmoid", name=f"decoder_{layer}")(x)
        reconstructed = keras.layers.Reshape(self.data.input_shape)(x)
        return keras.Model(inputs, self.in_real_units(reconstructed))

    def prepare(self, model: keras.Model, hp: HyperParameters, x_train: Features) -> None:
        """Train the machines greedily, and start the network from them."""
        epochs, rate = _pretraining(hp)
        if not epochs:
            return
        values = outputs_of(model, VISIBLE, x_train)
        layers = whole(hp, "layers")
        for layer in range(1, layers + 1):
            encoder = model.get_layer(encoder_name(layer, layers))
            machine = _trained(values, encoder.units, epochs=epochs, learning_rate=rate)
            encoder.set_weights([machine.kernel, machine.hidden_bias])
            if self.data.task == "reconstruction":
                transposed = keras.ops.transpose(machine.kernel)
                model.get_layer(f"decoder_{layer}").set_weights([transposed, machine.visible_bias])
            values = keras.ops.convert_to_numpy(machine.hidden_probabilities(values))


def _pretraining(hp: HyperParameters) -> tuple[int, float]:
    """Epochs of each machine, 0 for none, and its learning rate."""
    epochs, rate = hp["pretraining_epochs"], hp["pretraining_rate"]
    if epochs != int(epochs) or epochs < 0 or rate <= 0:
        raise ValueError(
            "pretraining_epochs must be a whole number of at least 0 and pretraining_rate above "
            f"0, not {epochs} and {rate}"
        )
    return int(epochs), float(rate)


PRETRAINING_BATCH = 16


def _trained(
    values: Features, hidden: int, *, epochs: int, learning_rate: float
) -> BoltzmannMachine:
    """A machine that has learnt rows in [0, 1], by contrastive divergence of one step."""
    machine = BoltzmannMachine(hidden)
    inputs = keras.Input(values.shape[1:])
    model = keras.Model(inputs, machine(inputs))
    model.compile(keras.optimizers.Adam(learning_rate), loss="mse", jit_compile=False)
    learn_to_repeat(model, values, batch=PRETRAINING_BATCH, epochs=epochs)
    return machine
