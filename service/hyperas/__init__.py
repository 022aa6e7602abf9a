"""Hyperas scripts become plugins: read by libcst, never run.

script.py       a script or notebook, parsed, with its places
minimize.py     what the script asked of Hyperas
templates.py    {{choice(...)}}, bound and named; constants.py: values that can be known unrun
guards.py       which values of a choice lead into a branch, so that what is in it is conditional
filling.py      templates become hp.Choice(...)
slicing.py      which statements build the model, which train it;   fitting.py: the call of fit
objective.py    what the returned loss means;   data_function.py: what data() returns
old_keras.py    tables;   modernizing.py, inputs.py, checkpoints.py: old Keras to Keras 3
plugin.py       the module;   job.py: the job;   importing.py: all of it, and its report
"""

from kerasearch.service.hyperas.importing import Imported, import_script
from kerasearch.service.hyperas.notes import CannotImport, Note

__all__ = ["CannotImport", "Imported", "Note", "import_script"]
