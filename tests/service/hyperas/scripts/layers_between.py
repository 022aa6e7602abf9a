from __future__ import print_function

from hyperopt import Trials, STATUS_OK, tpe
from hyperas import optim
from hyperas.distributions import choice, uniform, conditional

import numpy as np
from keras.layers.core import Dense, Dropout, Activation
from keras.models import Sequential
from keras.utils import np_utils

open("ran.txt", "w").write("layers_between")  # never to happen by an import
classes = 3


def data():
    # three clouds of points
    rng = np.random.RandomState(0)
    x = rng.normal(size=(90, 4)).astype("float32")
    y = np.arange(90) % classes
    x[:, 0] += y
    x_train, x_test = x[:60], x[60:]
    y_train = np_utils.to_categorical(y[:60], classes)
    y_test = np_utils.to_categorical(y[60:], classes)
    return x_train, y_train, x_test, y_test


def create_model(x_train, y_train, x_test, y_test):
    """A network of three or four layers."""
    model = Sequential()
    model.add(Dense(8, input_shape=(4,)))  # {{choice([1, 2])}} in a comment is none
    model.add(Activation('relu'))
    model.add(Dropout({{uniform(0, 1)}}))
    model.add(Dense({{choice([4, 8, 16])}}))
    model.add(Activation({{choice(['relu', 'sigmoid'])}}))
    model.add(Dropout({{uniform(0, 0.5)}}))

    # If 'four' is chosen, a fourth layer is added
    if conditional({{choice(['three', 'four'])}}) == 'four':
        model.add(Dense(5, init='he_normal'))
        # whole layers may be chosen from
        model.add({{choice([Dropout(0.5), Activation('linear')])}})
        model.add(Activation('relu'))

    model.add(Dense(3))
    model.add(Activation('softmax'))
    model.compile(loss='categorical_crossentropy', metrics=['accuracy'],
                  optimizer={{choice(['rmsprop', 'adam', 'sgd'])}})
    model.fit(x_train, y_train,
              batch_size={{choice([16, 32])}},
              nb_epoch=2,
              verbose=2,
              validation_data=(x_test, y_test))
    score, acc = model.evaluate(x_test, y_test, verbose=0)
    print('Test accuracy:', acc)
    return {'loss': -acc, 'status': STATUS_OK, 'model': model}


if __name__ == '__main__':
    best_run, best_model = optim.minimize(model=create_model,
                                          data=data,
                                          algo=tpe.suggest,
                                          max_evals=5,
                                          trials=Trials())
    X_train, Y_train, X_test, Y_test = data()
    print(best_model.evaluate(X_test, Y_test))
