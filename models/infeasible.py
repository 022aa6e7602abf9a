"""Parameters that no model can be trained with. No keras."""


class InfeasibleError(Exception):
    """No model can be trained with these parameters; the message is the reason, one sentence."""
