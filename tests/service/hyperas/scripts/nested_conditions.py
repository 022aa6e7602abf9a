import numpy as np
from hyperas import optim
from hyperas.distributions import choice, conditional, uniform
from hyperopt import STATUS_OK, Trials, anneal
from tensorflow.keras.layers import Dense, Dropout
from tensorflow.keras.models import Sequential
from tensorflow import keras

if True:
    np.save("ran.npy", np.zeros(1))

batch = 16


def data():
    from keras.utils.np_utils import to_categorical

    rng = np.random.RandomState(3)
    x = rng.normal(size=(60, 3))
    y = to_categorical((x.sum(axis=1) > 0).astype(int), 2)
    outputs = y.shape[1]
    return (x[:40], y[:40]), (x[40:], y[40:])


def create_model(x_train, y_train, x_test, y_test):
    depth = {{choice([1, 2, 3])}}
    regularizer = {{choice([None, 'l1', 'l2'])}}
    model = Sequential([
        Dense({{choice([4, 8])}}, input_dim=3, kernel_regularizer=regularizer),
    ])
    if depth >= 2:
        model.add(Dense({{choice([3, 5])}}, activation="relu"))
        if conditional({{choice(['plain', 'dropped'])}}) == 'dropped':
            model.add(Dropout({{uniform(0, 0.5)}}))
        if depth == 3:
            model.add(Dense({{choice([2, 6])}}, activation="tanh"))
    elif not {{choice([True, False])}}:
        model.add(Dropout(0.2))
    else:
        model.add(Dense({{choice([7, 9])}}))
    model.add(Dense(2, activation='softmax'))
    kind = {{choice(['sgd', 'adam'])}}
    if kind in ('sgd',):
        optimizer = keras.optimizers.SGD(lr={{choice([0.1, 0.01])}}, momentum={{choice([0, 0.9])}})
    else:
        optimizer = keras.optimizers.Adam(learning_rate={{choice([0.01, 0.001])}})
    model.compile(optimizer=optimizer, loss='categorical_crossentropy', metrics=['accuracy'])
    result = model.fit(x_train, y_train, batch_size=batch, epochs={{choice([1, 2])}},
                       validation_data=(x_test, y_test))
    validation_acc = np.amax(result.history['val_accuracy'])
    return {'loss': -validation_acc, 'status': STATUS_OK, 'model': model}


def main():
    trials = Trials()
    optim.minimize(model=create_model, data=data, algo=anneal.suggest, max_evals=4, trials=trials)


main()
