"""Seeds of trials."""

import numpy as np


def trial_seed(search_seed: int, number: int) -> int:
    """Seed of trial `number`: independent streams from one seed (numpy's SeedSequence), 31 bits."""
    return int(np.random.SeedSequence([search_seed, number]).generate_state(1)[0]) >> 1
