"""A recurrent network whose function trains with callbacks of its own."""
import numpy as np
from hyperas import optim
from hyperas.distributions import choice, uniform, quniform
from hyperopt import Trials, STATUS_OK, tpe
from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.layers.core import Dense, Dropout, Activation
from keras.layers.embeddings import Embedding
from keras.layers.recurrent import LSTM
from keras.layers.wrappers import TimeDistributed
from keras.models import Sequential
from keras.preprocessing import sequence

np.random.seed(1337)
print('loading', file=open('ran.txt', 'w'))


def data():
    max_features = 20
    maxlen = 4
    rng = np.random.RandomState(2)
    y = np.arange(60) % 2
    texts = [list(rng.randint(1 + 9 * label, 10 + 9 * label, size=rng.randint(2, 9))) for label in y]
    x = sequence.pad_sequences(texts, maxlen=maxlen)
    X_train, X_test, y_train, y_test = x[:40], x[40:], y[:40], y[40:]
    return X_train, X_test, y_train, y_test, maxlen, max_features


def model(X_train, X_test, y_train, y_test, max_features, maxlen):
    model = Sequential()
    model.add(Embedding(max_features, 4, input_length=maxlen, dropout=0.1))
    model.add(TimeDistributed(Dense(3, init='normal')))
    model.add(LSTM(int({{quniform(2, 6, 2)}}), consume_less='cpu', dropout_W=0.1))
    model.add(Dropout({{uniform(0, 1)}}))
    model.add(Dense(1))
    model.add(Activation('sigmoid'))
    model.compile(loss='binary_crossentropy', optimizer='rmsprop', metrics=['accuracy'])

    patience = {{choice([2, 4])}}
    early_stopping = EarlyStopping(monitor='val_acc', patience=patience)
    checkpointer = ModelCheckpoint(filepath='keras_weights.hdf5', monitor='val_acc',
                                   verbose=1, save_best_only=True)
    weights = {0: 1.0, 1: {{uniform(0.5, 2)}}}

    hist = model.fit(X_train, y_train,
                     batch_size={{choice([16, 32])}},
                     nb_epoch=3,
                     class_weight=weights,
                     validation_split=0.1,
                     callbacks=[early_stopping, checkpointer])
    model.load_weights('keras_weights.hdf5')
    best = max(hist.history['val_acc'])
    score, acc = model.evaluate(X_test, y_test, verbose=0)
    print('accuracy', acc, best)
    return {'loss': -best, 'status': STATUS_OK, 'model': model}


if __name__ == '__main__':
    best_run, best_model = optim.minimize(model=model, data=data, algo=tpe.suggest, max_evals=10,
                                          trials=Trials())
