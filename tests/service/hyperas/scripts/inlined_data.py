# Hyperas runs the lines of data() and of the model as one, so the model may read the former's own.
import numpy as np
from hyperas import optim
from hyperas.distributions import choice, uniform
from hyperopt import STATUS_OK, Trials, tpe
from keras.constraints import maxnorm
from keras.layers.advanced_activations import LeakyReLU
from keras.layers.normalization import BatchNormalization
from keras.optimizers import Adam, SGD

optim_result = open("ran.txt", "a")
TRIALS = 6


def data():
    import keras
    from keras.layers import Dense
    columns, nb_classes = 4, 3
    rng = np.random.RandomState(5)
    x = rng.normal(size=(60, columns))
    y = np.arange(60) % nb_classes
    x[:, 1] += y
    if columns == 0:
        return None, None, None, None
    train_x, train_y, test_x, test_y = x[:45], y[:45], x[45:], y[45:]
    return train_x, train_y, test_x, test_y


def model(train_x, train_y, test_x, test_y):
    model = keras.models.Sequential()
    model.add(Dense({{choice([4, 6])}}, W_constraint=maxnorm(3), input_dim=columns))
    model.add(BatchNormalization())
    model.add(LeakyReLU(alpha={{uniform(0.1, 0.4)}}))
    model.add(Dense(nb_classes, activation='softmax'))
    model.compile(optimizer={{choice([Adam(lr=0.01), SGD(lr={{uniform(0.01, 0.1)}})])}},
                  loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    # twice: first in small steps
    for size in ({{choice([8, 16])}}, 32):
        result = model.fit(train_x, train_y, batch_size=size, epochs=1, shuffle=True,
                           validation_data=(test_x, test_y))
    return {'loss': -np.max(result.history['val_acc']), 'status': STATUS_OK, 'model': model}


best_run, best_model = optim.minimize(model=model, data=data, algo=tpe.suggest,
                                      max_evals=TRIALS, trials=Trials())
