"""Model families by name. Loading one imports keras; listing them, as the API does, does not."""

from importlib import import_module
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from kerasearch.models.datasets.info import Kind
from kerasearch.searchspaces.problems import InvalidInput, unknown

if TYPE_CHECKING:
    from kerasearch.models.family import ModelFamily

__all__ = ["FAMILIES", "FamilyInfo", "load_family"]


class FamilyInfo(BaseModel):
    """A model family as a person chooses it.

    Attributes:
        task: What its models are trained for.
        data_kinds: Kinds of dataset that it reads.
        entry: Where it is: `module:Class`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    description: str
    task: Literal["classification"] = "classification"
    data_kinds: tuple[Kind, ...]
    entry: str = Field(exclude=True)


FAMILIES = {
    family.name: family
    for family in (
        FamilyInfo(
            name="cnn",
            description="convolution blocks and a dense layer over images, augmented or not",
            data_kinds=("image",),
            entry="kerasearch.models.cnn:CNN",
        ),
        FamilyInfo(
            name="conv1d",
            description="convolution blocks and a dense layer over sequences",
            data_kinds=("sequence",),
            entry="kerasearch.models.conv1d:Conv1D",
        ),
        FamilyInfo(
            name="mlp",
            description="dense layers, each of its own width, over the flattened features",
            data_kinds=("tabular", "sequence", "image"),
            entry="kerasearch.models.mlp:MLP",
        ),
        FamilyInfo(
            name="recurrent",
            description="one or two layers of LSTM, GRU or simple recurrent cells over a sequence",
            data_kinds=("sequence",),
            entry="kerasearch.models.recurrent:Recurrent",
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
