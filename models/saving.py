"""A trained model as a file that plain Keras loads, with what else must be known to use it."""

from pathlib import Path

from kerasearch.models.data_shape import DataShape
from kerasearch.models.model_file import add_description
from kerasearch.models.training import TrainedModel


def save_model(trained: TrainedModel, data: DataShape, rows: dict[str, object], path: Path) -> None:
    """Write the `.keras` file; the model is compiled as its criterion wants it saved.

    Args:
        trained: Its model.
        data: That it was built for.
        rows: `Prepared.description`.
        path: Where to.
    """
    model, criterion = trained.model, trained.criterion
    if criterion is not None and criterion.is_foreign:
        model.compile(
            model.optimizer, loss=criterion.saved_loss, metrics=list(criterion.saved_metrics)
        )
    model.save(path)
    units = data.target_scaling
    add_description(
        path,
        {
            "task": data.task,
            "classes": list(data.class_names),
            "input_shape": list(data.input_shape),
            "output_shape": list(model.output_shape[1:]),
            "target_units": None if units is None else units.scale.tolist(),
            "rows": rows,
        },
    )
