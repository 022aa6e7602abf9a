"""What old Keras called its parts, and what Keras 3 calls them. Tables, nothing else."""

MODULES = {
    "keras.engine": "keras.layers",
    "keras.engine.topology": "keras.layers",
    "keras.engine.training": "keras.models",
    "keras.initializations": "keras.initializers",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.convolutional_recurrent": "keras.layers",
    "keras.layers.core": "keras.layers",
    "keras.layers.embeddings": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.noise": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.layers.recurrent": "keras.layers",
    "keras.layers.wrappers": "keras.layers",
    "keras.objectives": "keras.losses",
    "keras.optimizers.legacy": "keras.optimizers",
    # TensorFlow still carries these, which Keras 3 alone doesn't.
    "keras.preprocessing.image": "tensorflow.keras.preprocessing.image",
    "keras.preprocessing.text": "tensorflow.keras.preprocessing.text",
    "keras.utils.data_utils": "keras.utils",
    "keras.utils.generic_utils": "keras.utils",
    "keras.utils.io_utils": "keras.utils",
    "keras.utils.layer_utils": "keras.utils",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.vis_utils": "keras.utils",
    "keras.utils.visualize_util": "keras.utils",
    "keras.wrappers.scikit_learn": "keras.wrappers",
}

NAMES = {
    "keras.constraints.max_norm": "MaxNorm",
    "keras.constraints.maxnorm": "MaxNorm",
    "keras.constraints.non_neg": "NonNeg",
    "keras.constraints.nonneg": "NonNeg",
    "keras.constraints.unit_norm": "UnitNorm",
    "keras.constraints.unitnorm": "UnitNorm",
    "keras.layers.AtrousConvolution1D": "Conv1D",
    "keras.layers.AtrousConvolution2D": "Conv2D",
    "keras.layers.Convolution1D": "Conv1D",
    "keras.layers.Convolution2D": "Conv2D",
    "keras.layers.Convolution3D": "Conv3D",
    "keras.layers.CuDNNGRU": "GRU",
    "keras.layers.CuDNNLSTM": "LSTM",
    "keras.layers.Deconvolution2D": "Conv2DTranspose",
    "keras.layers.SeparableConvolution2D": "SeparableConv2D",
    "keras.regularizers.WeightRegularizer": "L1L2",
    "keras.utils.plot": "plot_model",
    "keras.wrappers.KerasClassifier": "SKLearnClassifier",
    "keras.wrappers.KerasRegressor": "SKLearnRegressor",
}

GONE = {
    "keras.layers.Highway": "write it as a layer of your own",
    "keras.layers.LocallyConnected1D": "use Conv1D, or write it as a layer of your own",
    "keras.layers.LocallyConnected2D": "use Conv2D, or write it as a layer of your own",
    "keras.layers.MaxoutDense": "write it as a layer of your own",
    "keras.layers.Merge": "use keras.layers.Concatenate or Add in the functional way",
    "keras.layers.ThresholdedReLU": "use keras.layers.ReLU(threshold=...)",
    "keras.layers.TimeDistributedDense": "use TimeDistributed(Dense(...))",
    "keras.layers.TimeDistributedMerge": "use keras.layers.GlobalAveragePooling1D or a Lambda",
    "keras.layers": "merge(...) is keras.layers.concatenate, add or multiply now",
    "keras.models.Graph": "use the functional way: keras.Model(inputs, outputs)",
    "keras.regularizers.activity_l2": "use activity_regularizer=keras.regularizers.L2(...)",
}

LAYER_ARGUMENTS = {
    "U_constraint": "recurrent_constraint",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "nb_filter": "filters",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "sigma": "stddev",
    "stride": "strides",
    "subsample": "strides",
}
LAYER_ARGUMENTS_BY_LAYER = {
    "BatchNormalization": {"init": "gamma_initializer"},
    "Embedding": {
        "W_constraint": "embeddings_constraint",
        "W_regularizer": "embeddings_regularizer",
        "init": "embeddings_initializer",
        "output_dim": "output_dim",
    },
    "LeakyReLU": {"alpha": "negative_slope"},
    "Reshape": {"dims": "target_shape"},
    "UpSampling1D": {"length": "size"},
}
LAYER_DROPPED = frozenset(
    {
        "consume_less",
        "forget_bias_init",
        "implementation",
        "input_dtype",
        "inner_forget_bias",
        "mode",
    }
)

FUNCTION_ARGUMENTS = {
    "MaxNorm": {"m": "max_value"},
    "Tokenizer": {"nb_words": "num_words"},
    "load_data": {"nb_words": "num_words"},
    "to_categorical": {"nb_classes": "num_classes"},
}

OPTIMIZERS = frozenset(
    {"Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "Nadam", "RMSprop", "SGD", "AdamW"}
)
OPTIMIZER_ARGUMENTS = {"lr": "learning_rate"}
OPTIMIZER_DROPPED = frozenset({"schedule_decay"})

METHODS = {
    "evaluate_generator": "evaluate",
    "fit_generator": "fit",
    "predict_generator": "predict",
}
METHOD_ARGUMENTS = {"nb_epoch": "epochs", "generator": "x", "val_samples": "steps"}
METHOD_DROPPED = frozenset(
    {
        "class_mode",
        "max_q_size",
        "max_queue_size",
        "nb_val_samples",
        "nb_worker",
        "pickle_safe",
        "samples_per_epoch",
        "show_accuracy",
        "use_multiprocessing",
        "workers",
    }
)

VALUES = {
    "data_format": {"tf": "channels_last", "th": "channels_first"},
}

METRICS = {"acc": "accuracy", "val_acc": "val_accuracy"}


def canonical(path: str) -> str:
    """Where Keras 3 has what is called so; a path outside Keras as it is.

    >>> canonical("tensorflow.keras.layers.core.Dense")
    'keras.layers.Dense'
    """
    for prefix in ("tensorflow.keras", "tensorflow.python.keras"):
        if path == prefix or path.startswith(f"{prefix}."):
            path = "keras" + path.removeprefix(prefix)
    if path in MODULES:
        return MODULES[path]
    module, _, name = path.rpartition(".")
    if module.startswith("keras"):
        module = MODULES.get(module, module)
        found = f"{module}.{name}"
        return f"{module}.{NAMES.get(found, name)}"
    return path


def new_keyword(layer: str, keyword: str) -> str:
    """What Keras 3 calls an argument of a layer or an optimizer, given its class's last name."""
    if layer in OPTIMIZERS:
        return OPTIMIZER_ARGUMENTS.get(keyword, keyword)
    own = LAYER_ARGUMENTS_BY_LAYER.get(layer, {})
    return own.get(keyword) or LAYER_ARGUMENTS.get(keyword, keyword)
