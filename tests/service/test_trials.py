from kerasearch.service.trials import Trial


def trial(best_epoch: int | None, *epochs: int) -> Trial:
    trainings = [
        {"fold": i, "seed": 0, "value": 0.5, "best_epoch": 1, "epochs": n, "metrics": {}}
        for i, n in enumerate(epochs)
    ]
    parts = {"number": 0, "state": "complete", "params": {}, "seed": 0}
    return Trial.model_validate({**parts, "best_epoch": best_epoch, "trainings": trainings})


def test_the_best_epoch_of_several_trainings_is_one_of_its_own() -> None:
    assert trial(9, 3, 3, 3).epoch_of_its_training == 3
    assert trial(4, 3, 3, 3).epoch_of_its_training == 1
    assert trial(3, 3, 3, 3).epoch_of_its_training == 3
    assert trial(5, 2, 4).epoch_of_its_training == 3
    assert trial(7).epoch_of_its_training == 7
    assert trial(None, 3, 3).epoch_of_its_training is None
