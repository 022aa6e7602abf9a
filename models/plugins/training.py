"""Train what a plugin builds as KerasTuner would: by its own compilation and its own `fit`."""

import math
from collections.abc import Collection, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasearch.models.checkpoints import Checkpoint, OfferCheckpoint
from kerasearch.models.class_weights import class_weights
from kerasearch.models.datasets.arrays import Targets
from kerasearch.models.infeasible import InfeasibleError
from kerasearch.models.limits import keep_limits
from kerasearch.models.plan import Parts, TrainingPlan
from kerasearch.models.plugins.blame import blame
from kerasearch.models.plugins.family import PluginFamily, outputs_of
from kerasearch.models.plugins.hypermodels import has_own_fit
from kerasearch.models.plugins.trial_values import require_recorded, trial_values
from kerasearch.models.sketch import forget_models, require_room
from kerasearch.models.training import TrainedModel, count_of, train
from kerasearch.models.watch import EpochWatch, OnEpoch, early_stopping_of
from kerasearch.searchspaces.parameters import Value
from kerasearch.searchspaces.training import DEFAULTS


def train_plugin(
    family: PluginFamily,
    params: Mapping[str, Value],
    parts: Parts,
    plan: TrainingPlan,
    seed: int,
    on_epoch: OnEpoch,
    *,
    offer: OfferCheckpoint = lambda make: None,
    start: Checkpoint | None = None,
) -> TrainedModel:
    """As `training.train`; what the plugin neither compiles nor fits itself is trained by that.

    A model that it compiles or fits itself offers no checkpoints. The same values and seed give
    what `keras.utils.set_random_seed(seed)`, `hypermodel.build(hp)` and `hypermodel.fit(hp, model,
    x, y, ...)` give.

    Raises:
        InfeasibleError: The plugin's code raised something, or trains to no value.
    """
    plugin = family.plugin
    read = {name: value for name, value in params.items() if name in plugin.training}
    settings = {**DEFAULTS, "epochs": plan.epochs, **read}
    batch_size, epochs = count_of(settings, "batch_size"), count_of(settings, "epochs")
    forget_models()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    hp = trial_values(plugin, params)
    try:
        model = family.build_bare(hp)
    except Exception as error:  # it runs the plugin's code
        raise InfeasibleError(f"cannot build the model: {blame(error, family.path)}") from error
    if not (model.compiled or has_own_fit(family.hypermodel)):
        return train(family, params, parts, plan, seed, on_epoch, offer=offer, start=start)
    require_room(model)
    keep_limits(model, plan.limits, batch_size)

    watch = _Watch(plan, on_epoch, needs_metric=not has_own_fit(family.hypermodel))
    options = {"epochs": epochs, "batch_size": batch_size, "verbose": 0}
    watch.set_model(model)  # a loop of the plugin's own may only call `on_epoch_end`
    y_train, y_validation = (
        _labels_for(model, y, family.data.classes) for y in (parts.y_train, parts.y_validation)
    )
    fitted: dict[str, object] = {name: options[name] for name in plugin.fit_options}
    if plan.class_weight is not None:
        labels = np.asarray(parts.y_train)
        weights = class_weights(plan.class_weight, labels, family.data.class_names)
        fitted["class_weight"] = dict(enumerate(weights.tolist()))
    try:
        result = family.hypermodel.fit(
            hp,
            model,
            family.scaled(parts.x_train),
            y_train,
            validation_data=(family.scaled(parts.x_validation), y_validation),
            callbacks=[*early_stopping_of(plan), watch],
            **fitted,
        )
        require_recorded(plugin, hp)
    except InfeasibleError:
        raise
    except Exception as error:
        if error is watch.raised:
            raise  # of the service: the trial was taken from this process
        raise InfeasibleError(f"cannot train the model: {blame(error, family.path)}") from error
    if isinstance(result, keras.callbacks.History):
        _require_metric(plan, watch.curves)
        model.set_weights(watch.best_weights)
    else:
        watch.judge(_numbers(plan, result))
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return TrainedModel(
        family.around(model),
        watch.best_epoch,
        watch.curves,
        "\n".join(lines),
        watch.stopped,
        "model.fit",
        "the plugin compiles and fits its models itself",
        is_repeatable=False,
    )


class _Watch(EpochWatch):
    """Of a `fit` that may train in several turns, or judge its model itself in the end."""

    def __init__(self, plan: TrainingPlan, on_epoch: OnEpoch, *, needs_metric: bool) -> None:
        super().__init__(plan, self._tell)
        self.raised: Exception | None = None
        self._told = on_epoch
        self._needs_metric = needs_metric
        self._seen = 0  # Keras numbers them anew at each call of `model.fit`

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        metrics = logs or {}
        for name in metrics:
            self.curves.setdefault(name, [math.nan] * self._seen)
        for name in self.curves.keys() - metrics.keys():
            self.curves[name].append(math.nan)
        self._seen += 1
        if self._needs_metric:
            _require_metric(self._plan, metrics)
        if self._plan.metric in metrics:
            super().on_epoch_end(self._seen - 1, metrics)
            return
        for name, value in metrics.items():
            self.curves[name].append(float(value))
        if not self._tell(self._seen, dict(metrics)):
            self.stopped = self.model.stop_training = True

    def judge(self, numbers: dict[str, float]) -> None:
        """Have these stand at the last epoch, whose weights stay."""
        self.best_epoch = max(1, self._seen)
        for name, value in numbers.items():
            self.curves.setdefault(name, [value] * self.best_epoch)[-1] = value
        if not self._seen:
            self._tell(1, numbers)

    def _tell(self, epoch: int, metrics: dict[str, float]) -> bool:
        try:
            return self._told(epoch, metrics)
        except Exception as error:
            self.raised = error
            raise


def _require_metric(plan: TrainingPlan, told: Collection[str]) -> None:
    if plan.metric not in told:
        raise InfeasibleError(
            f"its training tells {', '.join(told) or 'nothing'}, and not the objective, "
            f"{plan.metric}: compile with metrics=['accuracy'], and have fit pass its callbacks on"
        )


def _numbers(plan: TrainingPlan, result: object) -> dict[str, float]:
    """What a `fit` returns besides a History: the objective, or several metrics with it."""
    if isinstance(result, int | float | np.floating):
        result = {plan.metric: result}
    if not isinstance(result, dict):
        raise InfeasibleError(
            f"its fit must return a History, a number or a dict, not {type(result).__name__}"
        )
    _require_metric(plan, result)
    numbers = {str(name): float(value) for name, value in result.items()}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise InfeasibleError(f"its fit returned {value} as {name}")
    return numbers


def _labels_for(model: keras.Model, y: Targets, classes: int) -> NDArray[Any]:
    """Labels as the model's loss takes them: one-hot for those of Keras that aren't sparse."""
    loss = model.loss if model.compiled else None
    kind = type(loss) if isinstance(loss, keras.losses.Loss) else loss
    if not (isinstance(loss, str) or getattr(kind, "__module__", "").startswith("keras.")):
        return y
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    if not classes or "sparse" in name or outputs_of(model) == (1,):
        return y
    one_hot: NDArray[Any] = keras.utils.to_categorical(y, classes)
    return one_hot
