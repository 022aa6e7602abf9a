from dataclasses import replace

import numpy as np

from kerasearch.models.datasets import Dataset


def test_the_digest_tells_any_change_of_content_and_nothing_else() -> None:
    dataset = Dataset(
        kind="tabular",
        x=np.arange(6, dtype=np.float32).reshape(3, 2),
        y=np.array([0, 1, 1]),
        classes=("a", "b"),
        features=("u", "v"),
    )
    changed = [
        replace(dataset, x=dataset.x + 1),
        replace(dataset, x=dataset.x.reshape(3, 2, 1)),
        replace(dataset, y=1 - dataset.y),
        replace(dataset, classes=("a", "c")),
        replace(dataset, features=("u", "w")),
        replace(dataset, kind="sequence"),
    ]

    assert len({other.sha256() for other in [dataset, *changed]}) == 7
    assert replace(dataset, x=np.asfortranarray(dataset.x)).sha256() == dataset.sha256()
