"""Model families by name. Loading one imports keras; listing them, as the API does, does not."""

from importlib import import_module
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from kerasearch.models.datasets.info import Kind
from kerasearch.models.datasets.scaling import ScalingMethod
from kerasearch.models.tasks import TaskName
from kerasearch.searchspaces import SearchSpace, default_space, of_kind
from kerasearch.searchspaces.problems import InvalidInput, unknown
from kerasearch.searchspaces.training import TRAINING_PARAMETERS

if TYPE_CHECKING:
    from kerasearch.models.family import ModelFamily

__all__ = ["FAMILIES", "FamilyInfo", "load_family"]


class FamilyInfo(BaseModel):
    """A model family as a person chooses it.

    Attributes:
        tasks: What its models can be trained for.
        data_kinds: Kinds of dataset that it reads.
        scales: How its inputs may be scaled, the first where a job says nothing.
        entry: Where it is: `module:Class`.
        training: Parameters that training reads, whether or not the space names them.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    tasks: tuple[TaskName, ...] = ("classification",)
    data_kinds: tuple[Kind, ...]
    scales: tuple[ScalingMethod, ...] = Field(("standard", "minmax", "none"), exclude=True)
    entry: str = Field(exclude=True)
    training: tuple[str, ...] = Field(TRAINING_PARAMETERS, exclude=True)

    @property
    def space(self) -> SearchSpace:
        """The space of a job that says nothing."""
        return default_space(self.name)

    def space_of(self, kind: Kind) -> SearchSpace:
        """The same where the data is of this kind."""
        return of_kind(self.space, self.name, kind)

    @property
    def exact_name(self) -> str:
        """The name by which the same code is trained again, or none."""
        return self.name


FAMILIES = {
    family.name: family
    for family in (
        FamilyInfo(
            name="autoencoder",
            description="dense layers that squeeze a row into a code and make it again: deep, "
            "sparse, denoising, contractive or stacked",
            tasks=("reconstruction",),
            data_kinds=("tabular", "image"),
            entry="kerasearch.models.autoencoder:Autoencoder",
        ),
        FamilyInfo(
            name="cnn",
            description="convolution blocks and a dense layer over images, augmented or not",
            data_kinds=("image",),
            entry="kerasearch.models.cnn:CNN",
        ),
        FamilyInfo(
            name="collaborative_autoencoder",
            description="a denoising autoencoder that fills in the rows of a matrix of ratings",
            tasks=("rating_prediction",),
            data_kinds=("ratings",),
            entry="kerasearch.models.collaborative_autoencoder:CollaborativeAutoencoder",
        ),
        FamilyInfo(
            name="conv1d",
            description="convolution blocks and a dense layer over sequences and series",
            tasks=("classification", "step_labelling", "regression", "forecasting"),
            data_kinds=("sequence", "series"),
            entry="kerasearch.models.conv1d:Conv1D",
        ),
        FamilyInfo(
            name="dbn",
            description="Boltzmann machines stacked one by one, then fine-tuned as a classifier "
            "or an autoencoder",
            tasks=("classification", "reconstruction"),
            data_kinds=("tabular", "image"),
            scales=("minmax",),
            entry="kerasearch.models.dbn:DBN",
        ),
        FamilyInfo(
            name="mlp",
            description="dense layers, each of its own width, over the flattened features",
            tasks=("classification", "regression", "forecasting"),
            data_kinds=("tabular", "sequence", "image", "series"),
            entry="kerasearch.models.mlp:MLP",
        ),
        FamilyInfo(
            name="neural_stack",
            description="a recurrent controller that drives a differentiable stack, over sequences",
            tasks=("step_labelling", "classification", "regression"),
            data_kinds=("sequence",),
            entry="kerasearch.models.neural_stack:NeuralStack",
        ),
        FamilyInfo(
            name="rbm",
            description="a restricted Boltzmann machine of binary units, by contrastive divergence",
            tasks=("reconstruction", "rating_prediction"),
            data_kinds=("tabular", "image", "ratings"),
            scales=("minmax",),
            entry="kerasearch.models.rbm:RBM",
        ),
        FamilyInfo(
            name="recurrent",
            description="one to four layers of recurrent cells over a sequence, one way or both",
            tasks=("classification", "step_labelling", "regression", "forecasting"),
            data_kinds=("sequence", "series", "text"),
            entry="kerasearch.models.recurrent:Recurrent",
        ),
        FamilyInfo(
            name="som",
            description="a self-organizing map: a grid of cells on which like rows are near",
            tasks=("mapping",),
            data_kinds=("tabular", "image"),
            entry="kerasearch.models.som:SOM",
            training=("batch_size", "epochs"),
        ),
    )
}


def load_family(name: str) -> "type[ModelFamily]":
    """The class of a family; imports keras.

    Raises:
        InvalidInput: No such family.
    """
    if name not in FAMILIES:
        raise InvalidInput.at("", unknown("model family", name, FAMILIES))
    module, _, attribute = FAMILIES[name].entry.partition(":")
    family: type[ModelFamily] = getattr(import_module(module), attribute)
    return family
