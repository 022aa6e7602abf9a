"""What comes after a series or a text, by a model that was trained on its like."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kerasearch.models.datasets.arrays import Features
from kerasearch.models.datasets.text import encode
from kerasearch.models.streams import batch_rows, reset_states

if TYPE_CHECKING:
    import keras

Description = dict[str, Any]
"""`rows` of a model file's description; JSON."""


def next_steps(model: "keras.Model", rows: Description, series: Features) -> NDArray[np.float32]:
    """The `horizon` steps after a series, in its units.

    Args:
        model: Of a series.
        rows: Of its description.
        series: `(steps, channels)`, channels as `rows["features"]` says, the last step the newest.

    Raises:
        ValueError: It has fewer steps than a window.
    """
    window = int(rows["window"])
    if len(series) < window:
        raise ValueError(f"a forecast needs {window} steps to look back at, not {len(series)}")
    fixed = batch_rows(model)
    if fixed is None:
        forecast = model.predict_on_batch(series[np.newaxis, -window:])
    else:
        # A stateful model reads all of the series. It takes so many at once: each is this one.
        reset_states(model)
        for start in range(len(series) % window, len(series), window):
            steps = series[np.newaxis, start : start + window]
            forecast = model.predict_on_batch(np.repeat(steps, fixed, axis=0))
    return np.asarray(forecast[0], np.float32)


def continued(
    model: "keras.Model", rows: Description, text: str, characters: int, seed: int | None = None
) -> str:
    """So many characters more of a text.

    Args:
        model: Of a text.
        rows: Of its description.
        text: At least one character; what the model doesn't know is read as unknown.
        characters: How many to write.
        seed: Draw each by its probability; None takes the likeliest.
    """
    vocabulary, window = str(rows["vocabulary"]), int(rows["window"])
    rng = None if seed is None else np.random.default_rng(seed)
    written = text
    for _ in range(characters):
        read = encode(written[-window:], vocabulary)
        # Steps after the text don't matter: no state comes back from them.
        codes = np.full((1, window), len(vocabulary), np.float32)
        codes[0, : len(read)] = read
        likely = model.predict_on_batch(codes)[0, len(read) - 1].astype(np.float64)
        if rng is None:
            place = int(likely.argmax())
        else:
            place = int(rng.choice(len(vocabulary), p=likely / likely.sum()))
        written += vocabulary[place]
    return written[len(text) :]
