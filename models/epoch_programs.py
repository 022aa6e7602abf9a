"""Training compiled a whole epoch at a time, and kept for the next model of the architecture."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import keras
import tensorflow as tf

from kerasearch.models.evaluation import PREDICTION_BATCH
from kerasearch.models.graph_executor import Compiled, suits_in_order
from kerasearch.models.twins import Twin, architecture
from kerasearch.models.xla import XlaRecord, obstacle

PROGRAMS_KEPT = 16
WEIGHTS_KEPT = 16_000_000
"""With an optimizer's moments 200 MB; a larger model takes its time to train, not to trace."""


class EpochProgram:
    """An epoch of training in one call, and one of validation, by Keras's own steps and metrics.

    Args:
        model: The first to be trained, as for Twin; of one input and one output.
        y: Of any target of its training, the rows None.
        weights: Of what each row counts, where that is given.
    """

    def __init__(self, model: keras.Model, y: tf.TensorSpec, *weights: tf.TensorSpec) -> None:
        self.weights = model.count_params()
        self._twin = Twin(model)
        target = tf.zeros([1, *y.shape[1:]], y.dtype)
        outputs = tf.zeros([1, *model.output_shape[1:]])
        self.model.compute_loss(None, target, outputs)  # both make variables
        self.model.compute_metrics(None, target, outputs)
        x = tf.TensorSpec(model.input_shape, model.input.dtype)
        order = tf.TensorSpec([None], tf.int32)
        batch_size = tf.TensorSpec([], tf.int32)
        compiled = partial(Compiled, in_order=suits_in_order(model))
        self._train = compiled(self._train_in_graph, order, batch_size, x, y, *weights)
        self._train_rest = compiled(self._train_batches, order, batch_size, x, y, *weights)
        self._validate = compiled(self._validate_in_graph, x, y)
        self._forward = compiled(lambda rows: self.model(rows, training=False), x)
        self._xla = partial(
            tf.function,
            input_signature=(order, x, y, *weights),
            autograph=False,
            jit_compile=True,
        )
        self._by_xla: dict[int, tf.types.experimental.PolymorphicFunction] = {}
        self._xla_records: dict[tuple[int, int], XlaRecord] = {}

    @property
    def model(self) -> keras.Model:
        """The one that is trained: the twin of the last one loaded."""
        return self._twin.model

    def load(self, model: keras.Model) -> None:
        """Go on as `model`, of the architecture that this was made for."""
        self._twin.take(model)
        self.model.stop_training = False

    def unload(self, model: keras.Model) -> None:
        """Make `model` what training has made of it; it predicts by this program from then on."""
        self._twin.give(model)
        # Else Keras would trace another function, its batches unrolled.
        model.predict_function = lambda batches: self._predict(model, batches)

    def train(self, order: tf.Tensor, batch_size: tf.Tensor, *data: tf.Tensor) -> dict[str, float]:
        """Train on the rows in `order`, the last batch as large as is left; the metrics.

        `data` is x, y, and the rows' weights where the program has them.
        """
        return _floats(self._train(order, batch_size, *data))

    def train_by_xla(
        self, order: tf.Tensor, batch_size: tf.Tensor, *data: tf.Tensor
    ) -> dict[str, float]:
        """The same by XLA, but for the last batch where that is smaller.

        Raises:
            tf.errors.OpError: XLA can't compile it; nothing was trained.
        """
        size = int(batch_size)
        if size not in self._by_xla:
            self._by_xla[size] = self._xla(partial(self._train_full_batches, size))
        full = len(order) // size * size
        metrics = self._by_xla[size](order[:full], *data)
        if full == len(order):
            return _floats(metrics)
        return _floats(self._train_rest(order[full:], batch_size, *data))

    def xla_record(self, batch_size: int, rows: int) -> XlaRecord:
        """What is known of XLA for this program at this batch size and number of rows."""
        record = XlaRecord(obstacle=obstacle(batch_size, rows))
        return self._xla_records.setdefault((batch_size, rows), record)

    def validate(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, float]:
        return _floats(self._validate(x, y))

    def _predict(self, model: keras.Model, batches: list[object]) -> tf.Tensor:
        self._twin.take_layers(model)
        rows = (keras.utils.unpack_x_y_sample_weight(batch)[0] for batch in batches)
        return tf.concat([self._forward(x) for x in rows], axis=0)

    def _train_in_graph(
        self, order: tf.Tensor, batch_size: tf.Tensor, *data: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        self.model.reset_metrics()
        return self._train_batches(order, batch_size, *data)

    def _train_batches(
        self, order: tf.Tensor, batch_size: tf.Tensor, *data: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        def step(start: tf.Tensor) -> None:
            rows = order[start : start + batch_size]
            self.model.train_step(tuple(tf.gather(part, rows) for part in data))

        return self._epoch(step, tf.size(order), batch_size)

    def _train_full_batches(
        self, size: int, order: tf.Tensor, *data: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        def step(start: tf.Tensor) -> None:
            rows = tf.slice(order, [start], [size])  # of a shape known before it runs
            self.model.train_step(tuple(tf.gather(part, rows) for part in data))

        self.model.reset_metrics()
        return self._epoch(step, tf.size(order), size)

    def _validate_in_graph(self, x: tf.Tensor, y: tf.Tensor) -> dict[str, tf.Tensor]:
        def step(start: tf.Tensor) -> None:
            rows = slice(start, start + PREDICTION_BATCH)
            self.model.test_step((x[rows], y[rows]))

        self.model.reset_metrics()
        return self._epoch(step, tf.shape(y)[0], PREDICTION_BATCH)

    def _epoch(
        self, step: Callable[[tf.Tensor], None], rows: tf.Tensor, batch_size: tf.Tensor | int
    ) -> dict[str, tf.Tensor]:
        def body(start: tf.Tensor) -> tuple[tf.Tensor]:
            step(start)
            return (start + batch_size,)

        tf.while_loop(lambda start: start < rows, body, (tf.constant(0),), parallel_iterations=1)
        metrics: dict[str, tf.Tensor] = self.model.get_metrics_result()
        return metrics


class EpochPrograms:
    """Those of the architectures trained last, as many as there is room for."""

    def __init__(self, count: int = PROGRAMS_KEPT, weights: int = WEIGHTS_KEPT) -> None:
        self._count = count
        self._weights = weights
        self._programs: OrderedDict[str, EpochProgram] = OrderedDict()

    def __len__(self) -> int:
        return len(self._programs)

    def have_room_for(self, model: keras.Model) -> bool:
        return bool(model.count_params() <= self._weights)

    def for_model(self, model: keras.Model, *targets: tf.Tensor) -> tuple[EpochProgram, bool]:
        """The program for a compiled model there is room for, and whether it was there already.

        Args:
            model: To be trained.
            targets: Its target, and what each row counts where that is given; of both their
                shape and type count.
        """
        specs = [tf.TensorSpec([None, *each.shape[1:]], each.dtype) for each in targets]
        model.optimizer.build(model.trainable_variables)
        key = f"{architecture(model)} {specs}"
        program = self._programs.get(key)
        is_kept = program is not None
        if program is None:
            program = self._programs[key] = EpochProgram(model, *specs)
        self._programs.move_to_end(key)
        while len(self) > self._count or self._total() > self._weights:
            self._programs.popitem(last=False)
        return program, is_kept

    def _total(self) -> int:
        return sum(program.weights for program in self._programs.values())


def _floats(metrics: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
