"""Which trials share an architecture, as far as can be told without building their models."""

import json

from kerasearch.service.executors import Needs
from kerasearch.service.jobs import JobRequest
from kerasearch.service.trials import Params

NUMBERS = ("learning_rate", "batch_size", "clipnorm", "weight_decay", "epochs")
"""What a compiled epoch takes as it comes; whether there is one at all is built into it."""


def needs_of(request: JobRequest, params: Params) -> Needs:
    """What a trial of the job wants of where it runs."""
    return Needs(architecture_of(request, params), request.resources.gpus or 0)


def architecture_of(request: JobRequest, params: Params) -> str:
    """The same for trials that a process need compile once; a guess that costs time if it's wrong.

    A number with a fraction is a rate: no layer is 0.3 wide. But without dropout the model is
    another one.
    """
    shape = {
        name: "a number" if name in NUMBERS or _is_rate(value) else value
        for name, value in params.items()
        if value is not None
    }
    data = request.data.model_dump(mode="json")
    return json.dumps([request.model, data, shape], sort_keys=True)


def _is_rate(value: object) -> bool:
    return isinstance(value, float) and not value.is_integer()
