import os
import numpy as np
import keras
from hyperas import optim
from hyperas.distributions import choice, uniform
from hyperopt import Trials, STATUS_OK, tpe
from keras.models import Sequential
from keras.layers import Dense, Flatten, Convolution2D, MaxPooling2D
from keras.optimizers import SGD, Adam, RMSprop

os.makedirs("ran")

SHAPE = (8, 8, 1)


def pictures():
	# eight by eight pixels, bright on the left or on the right
	r = np.random.RandomState(1)
	x = r.uniform(size=(80,) + SHAPE)
	y = np.arange(80) % 2
	x[y == 1, :, :4] += 1
	return x[:60], y[:60], x[60:], y[60:]


def cnn(X_train, y_train, X_test, y_test):
	model = Sequential()
	model.add(Convolution2D({{choice([2, 4])}}, 3, 3, border_mode="same", subsample=(2, 2),
		init="glorot_uniform", W_regularizer=keras.regularizers.l2(0.01),
		activation="relu", input_shape=SHAPE))
	model.add(MaxPooling2D(pool_size={{choice([(1, 1), (2, 2)])}}))
	model.add(Flatten())
	model.add(Dense(output_dim={{choice([4, 8])}}, activation="relu", bias={{choice([True, False])}}))
	model.add(Dense(2, activation="softmax"))

	adam = Adam(lr={{choice([10**-3, 10**-2])}}, decay=1e-6)
	rmsprop = RMSprop(lr={{choice([10**-3, 10**-2])}}, epsilon=None)
	sgd = SGD(lr={{uniform(0.001, 0.1)}}, momentum={{uniform(0, 0.9)}})

	choiceval = {{choice(["adam", "sgd", "rmsprop"])}}
	if choiceval == "adam":
		optimizer = adam
	elif choiceval == "rmsprop":
		optimizer = rmsprop
	else:
		optimizer = sgd

	model.compile(loss="sparse_categorical_crossentropy", metrics=["acc"], optimizer=optimizer)
	model.fit(X_train, y_train, {{choice([8, 16])}}, 2, verbose=0, validation_data=(X_test, y_test))
	score = model.evaluate(X_test, y_test, verbose=0)
	return {"loss": 1 - score[1], "status": STATUS_OK, "model": model}


best_run, best_model = optim.minimize(cnn, pictures, tpe.suggest, 4, Trials(), rseed=3)
print(best_run)
