import math
import numpy as np
import keras.layers as L
import keras.backend as K
from keras import models as km, regularizers
from hyperas import optim as search
from hyperas.distributions import (choice, lognormal, loguniform,
                                   normal, randint)
import hyperopt
from hyperopt import rand

WIDTHS = [4, 8]
LOG = []
LOG.append(open("ran.txt", "w"))


def noise(n, seed):
    "Random rows."
    return np.random.RandomState(seed).normal(size=(n, 5))


def block(x, units, rate):
    # batch normalization goes before the activation
    x = L.Dense(units)(x)
    x = L.BatchNormalization(mode=0)(x)
    return L.Dropout(p=rate)(L.Activation("relu")(x))


def unused():
    raise RuntimeError("nothing needs this")


def get_data(rows, seed):
    x = noise(rows, seed)
    y = (x[:, 0] > 0).astype("int32")
    cut = rows * 3 // 4
    features = x.shape[1]
    return x[:cut], y[:cut], x[cut:], y[cut:]


def get_model(xtr, ytr, xte, yte):
    inputs = L.Input(shape=(xtr.shape[1],))
    x = inputs
    for i in range({{choice([1, 2])}}):
        x = block(x, {{choice(WIDTHS)}}, rate=0.1)
    x = {{choice([L.Dropout(rate=0.3), L.GaussianNoise({{uniform(0.1, 0.3)}})])}}(x)
    penalty = regularizers.l2({{loguniform(-8, -2)}})
    outputs = L.Dense(2, activation="softmax", kernel_regularizer=penalty)(x)
    network = km.Model(inputs, outputs)
    shift = {{normal(0, 1)}} * 0.001
    scale = {{lognormal(0, 0.1)}}
    network.compile(
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        loss_weights=[scale + shift],
    )
    steps = {{randint(3)}}
    print("steps", steps)
    batch = {{choice([8, 16])}}
    network.fit(xtr, ytr, batch_size=batch, epochs=2, validation_data=(xte, yte))
    loss, acc = network.evaluate(xte, yte)
    return {"loss": loss, "status": hyperopt.STATUS_OK, "model": network}


if __name__ == "__main__":
    run, best = search.minimize(model=get_model, data=get_data, functions=[block],
                                algo=rand.suggest, max_evals=3 * 2, trials=hyperopt.Trials(),
                                data_args=(64, 7))
