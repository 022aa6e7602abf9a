"""Models and data of the operator's own: KerasTuner's `build(hp)` and HyperModel, from a folder.

A plugin is one file of that folder. It is executed in two kinds of process alone: once to record
what it offers (`recording`), and in trials. Who lists plugins reads recordings (`recorded`), which
takes no keras.
"""
