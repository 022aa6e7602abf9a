import keras

from kerasearch.models import FAMILIES, custom_objects, load_family


def test_one_import_registers_what_any_family_needs() -> None:
    for name in FAMILIES:
        load_family(name)
    ours = {kept.__module__ for kept in keras.saving.get_custom_objects().values()}
    named = {f"kerasearch.models.{module}" for module in custom_objects.__all__}
    assert {module for module in ours if module.startswith("kerasearch.models.")} == named
