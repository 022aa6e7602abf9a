from hypothesis import settings

# The same examples on every run, and no time limit on a busy machine.
settings.register_profile("searchspaces", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("searchspaces")
