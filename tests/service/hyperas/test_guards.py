from collections.abc import Callable

import pytest

from kerasearch.service.hyperas import Imported

Import = Callable[..., Imported]


def when_of(imported: Imported, name: str) -> dict[str, tuple[object, ...]]:
    return next(dict(p.conditions) for p in imported.parameters if p.name == name)


@pytest.mark.parametrize(
    ("test", "values"),
    [
        ("kind == 2", (2,)),
        ("2 != kind", (1, 3)),
        ("kind > 1", (2, 3)),
        ("0 < kind < 3", (1, 2)),
        ("kind in (1, 3)", (1, 3)),
        ("not kind == 1", (2, 3)),
        ("kind == 1 or kind == 2", (1, 2)),
        ("kind % 2 == 1", (1, 3)),
        ("conditional(kind) == 3", (3,)),
        ("{{choice(['a', 'b'])}} == 'a' and kind == 3", (3,)),
    ],
)
def test_a_parameter_in_a_branch_is_active_under_the_values_that_lead_there(
    import_model: Import, test: str, values: tuple[int, ...]
) -> None:
    imported = import_model(f"""
        model = Sequential()
        kind = {{{{choice([1, 2, 3])}}}}
        if {test}:
            x = {{{{uniform(0, 1)}}}}
        else:
            y = {{{{uniform(0, 1)}}}}
    """)
    assert when_of(imported, "x")["kind"] == values


def test_an_else_has_the_values_that_no_branch_before_it_has(import_model: Import) -> None:
    imported = import_model("""
        model = Sequential()
        kind = {{choice(['a', 'b', 'c', 'd'])}}
        if kind == 'a':
            model.add(Dense(1))
        elif kind in ['b']:
            u = {{uniform(0, 1)}}
        else:
            v = {{uniform(0, 1)}}
    """)
    assert when_of(imported, "u") == {"kind": ("b",)}
    assert when_of(imported, "v") == {"kind": ("c", "d")}


@pytest.mark.parametrize(
    "lines",
    [
        "if len(x_train) > 3:\n    x = {{uniform(0, 1)}}",
        "kind = 2\nif kind == 2:\n    x = {{uniform(0, 1)}}",
        "for i in range(3):\n    x = {{uniform(0, 1)}}",
        "if {{uniform(0, 1)}} > 0.5:\n    x = {{uniform(0, 1)}}",
    ],
)
def test_where_the_values_cant_be_known_a_parameter_is_always_active(
    import_model: Import, lines: str
) -> None:
    imported = import_model(f"model = Sequential()\nkind = {{{{choice([1, 2])}}}}\n{lines}")
    assert when_of(imported, "x") == {}


def test_what_one_branch_alone_reads_is_made_in_it(import_model: Import) -> None:
    code = import_model("""
        model = Sequential()
        fast = keras.optimizers.SGD(lr={{uniform(0.1, 1)}})
        shared = keras.optimizers.SGD(lr={{uniform(0.2, 1)}})
        if {{choice(['a', 'b'])}} == 'a':
            optimizer = fast if x_train is None else shared
        else:
            optimizer = shared
    """).code
    assert (
        'hp.conditional_scope("branch", ["a"]):\n        hp.Float("learning_rate", 0.1, 1)' in code
    )
    assert (
        'shared = keras.optimizers.SGD(learning_rate=hp.Float("learning_rate_1", 0.2, 1))' in code
    )
