import numpy as np
from hyperas import optim
from hyperas.distributions import choice, uniform
from hyperopt import STATUS_OK, Trials, tpe
from keras.callbacks import Callback, ReduceLROnPlateau
from keras.layers import Dense, Flatten
from keras.layers.convolutional import Conv2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator

np.zeros(3).tofile("ran.bin")


class Curves(Callback):
    """Prints the accuracies."""

    def on_epoch_end(self, epoch, logs=None):
        self.last = (logs['acc'], logs.get('val_acc'))


def data():
    rng = np.random.RandomState(4)
    x = rng.uniform(size=(72, 6, 6, 1))
    y = np.arange(72) % 2
    x[y == 1] *= 0.5
    X_train, X_val, X_test = x[:40], x[40:56], x[56:]
    Y_train, Y_val, Y_test = y[:40], y[40:56], y[56:]
    datagen = ImageDataGenerator(horizontal_flip=True)
    datagen.fit(X_train)
    return datagen, X_train, Y_train, X_val, Y_val, X_test, Y_test


def create_model(datagen, X_train, Y_train, X_val, Y_val, X_test, Y_test):
    model = Sequential()
    model.add(Conv2D({{choice([2, 3])}}, (3, 3), activation={{choice(['relu', 'tanh'])}},
                     input_shape=X_train.shape[1:]))
    model.add(Flatten())
    model.add(Dense(2, activation='softmax'))
    model.compile(loss='sparse_categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])

    callbacks = [Curves()]
    if {{choice(['constant', 'falling'])}} == 'falling':
        callbacks.append(ReduceLROnPlateau(monitor='val_loss', factor={{uniform(0.1, 0.9)}}))
    model.fit_generator(datagen.flow(X_train, Y_train, batch_size={{choice([8, 16])}}),
                        samples_per_epoch=X_train.shape[0], nb_epoch=2, nb_worker=4,
                        validation_data=(X_val, Y_val), callbacks=callbacks)
    predicted = model.predict_classes(X_test)
    f1 = np.mean(predicted == Y_test)
    return {'loss': -f1, 'status': STATUS_OK, 'model': model}


if __name__ == '__main__':
    optim.minimize(model=create_model, data=data, algo=tpe.suggest, max_evals=2, trials=Trials())
