"""Old Keras brought to Keras 3, wherever what is meant is certain; the rest is told."""

from collections.abc import Callable, Mapping, Sequence

import libcst as cst
import libcst.matchers as m

from kerasearch.service.hyperas import old_keras
from kerasearch.service.hyperas.inputs import InputLayers
from kerasearch.service.hyperas.names_in_scope import Imports
from kerasearch.service.hyperas.notes import Note
from kerasearch.service.hyperas.syntax import argument, dotted, keyword, with_arguments

Place = Callable[[cst.CSTNode], int]

PREDICT_CLASSES = '''
def predict_classes(model, x, **kwargs):
    """What Keras's Sequential.predict_classes gave."""
    scores = model.predict(x, **kwargs)
    return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")
'''
LEGACY = frozenset({"tensorflow.keras.preprocessing.image", "tensorflow.keras.preprocessing.text"})


class Modernizer(InputLayers):
    """Rewrites a module.

    Args:
        imports: What its names stand for.
        files: Checkpoints that the script writes, and what they are called now.
        line: Of a node, for the notes.
    """

    def __init__(self, imports: Imports, files: Mapping[str, str], line: Place) -> None:
        super().__init__(imports)
        self._files = files
        self._line = line
        self.notes: list[Note] = []
        self.predicts_classes = False

    def _note(self, node: cst.CSTNode, text: str, advice: str = "") -> None:
        self.notes.append(Note(self._line(node), text, advice))

    # Imports

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel | cst.FlattenSentinel[cst.BaseSmallStatement]:
        if original_node.module is None or original_node.relative:
            return updated_node
        module = dotted(original_node.module)
        if isinstance(original_node.names, cst.ImportStar):
            return updated_node.with_changes(module=_path(old_keras.canonical(module)))
        if module == "tensorflow" and [a.evaluated_name for a in original_node.names] == ["keras"]:
            return cst.Import(
                [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in original_node.names]
            )
        if not old_keras.canonical(f"{module}.x").startswith(("keras.", "tensorflow.keras.")):
            return updated_node
        made: dict[str, list[cst.ImportAlias]] = {}
        for alias in original_node.names:
            old = f"{module}.{alias.evaluated_name}"
            path = old_keras.canonical(old)
            package, _, name = path.rpartition(".")
            local = alias.evaluated_alias or alias.evaluated_name
            if path in old_keras.GONE:
                self._note(original_node, f"Keras 3 has no {path}", old_keras.GONE[path])
            if package in LEGACY:
                text = f"{name} is taken from TensorFlow, which still carries it"
                self._note(original_node, text, "keras.layers has augmentation and text layers")
            asname = cst.AsName(cst.Name(local)) if local != name else None
            made.setdefault(package, []).append(cst.ImportAlias(cst.Name(name), asname))
        return cst.FlattenSentinel([cst.ImportFrom(_path(m), names) for m, names in made.items()])

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:
        names = []
        for alias in updated_node.names:
            path = old_keras.canonical(alias.evaluated_name)
            if path != alias.evaluated_name and (alias.asname or path.startswith("keras")):
                alias = alias.with_changes(name=_path(path))
            names.append(alias)
        return updated_node.with_changes(names=names)

    # Names

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        written = dotted(original_node)
        path = self.imports.path(original_node)
        root = written.partition(".")[0]
        # What `import tensorflow as tf` leads to is left as it is: its keras is Keras 3.
        is_keras = old_keras.canonical(self.imports.paths.get(root, "")) == "keras"
        if is_keras and path.startswith("keras."):
            return _path(f"{root}.{path.removeprefix('keras.')}")
        if updated_node.attr.value in old_keras.METHODS:
            method = old_keras.METHODS[updated_node.attr.value]
            return updated_node.with_changes(attr=cst.Name(method))
        return updated_node

    def leave_SimpleString(
        self, original_node: cst.SimpleString, updated_node: cst.SimpleString
    ) -> cst.SimpleString:
        text = updated_node.raw_value
        new = self._files.get(text, text)
        new = new.replace("{val_acc:", "{val_accuracy:").replace("{acc:", "{accuracy:")
        if new == "val_acc":
            new = "val_accuracy"
        if new == text:
            return updated_node
        quoted = f"{updated_node.prefix}{updated_node.quote}{new}{updated_node.quote}"
        return updated_node.with_changes(value=quoted)

    def leave_Subscript(
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        """`history['acc']`."""
        acc = m.Subscript(
            slice=[m.SubscriptElement(m.Index(m.SimpleString(m.MatchIfTrue(_is_acc))))]
        )
        if not m.matches(updated_node, acc):
            return updated_node
        index = cst.SubscriptElement(cst.Index(cst.SimpleString('"accuracy"')))
        return updated_node.with_changes(slice=[index])

    # Calls

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        written, path = dotted(original_node.func), self.imports.path(original_node.func)
        name = path.rpartition(".")[2]
        if path in old_keras.GONE:
            self._note(original_node, f"Keras 3 has no {path}", old_keras.GONE[path])
        if written.endswith(".predict_proba"):
            text = "predict_proba of a Keras model is called predict now"
            self._note(original_node, text, "leave it where the model is scikit-learn's")
        if path.startswith("keras.optimizers.") and name in old_keras.OPTIMIZERS:
            return self._optimizer(original_node, updated_node)
        if path in ("keras.wrappers.SKLearnClassifier", "keras.wrappers.SKLearnRegressor"):
            return self._wrapper(original_node, updated_node)
        if name in old_keras.FUNCTION_ARGUMENTS and "keras." in path:
            return _renamed(updated_node, old_keras.FUNCTION_ARGUMENTS[name], frozenset())
        if path == "keras.callbacks.ModelCheckpoint":
            text = "trials that run at once write the same file"
            advice = "this callback may go: the best epoch's model is kept without it"
            self._note(original_node, text, advice)
            return _renamed(updated_node, {}, frozenset({"period"}))
        if path.endswith(".set_image_dim_ordering"):
            return self._image_order(original_node, updated_node)
        if path.startswith("keras.layers."):
            return self._layer(original_node, updated_node, name)
        if isinstance(updated_node.func, cst.Attribute):
            return self._method(original_node, updated_node)
        return updated_node

    def _optimizer(self, original: cst.Call, call: cst.Call) -> cst.BaseExpression:
        call = _renamed(call, old_keras.OPTIMIZER_ARGUMENTS, old_keras.OPTIMIZER_DROPPED)
        call = _without(call, lambda arg: _named(arg, "epsilon") and _is(arg.value, "None"))
        decay = argument(call, None, "decay")
        if decay is None:
            return call
        call = _without(call, lambda arg: _named(arg, "decay"))
        if _is(decay, "0.0", "0.", "0"):
            return call
        rate = argument(call, 0, "learning_rate")
        if rate is None:
            self._note(original, "decay is left out", "give learning_rate a schedule")
            return call
        # Old Keras divided the rate by 1 + decay * steps, as this schedule does.
        schedule = cst.parse_expression("keras.optimizers.schedules.InverseTimeDecay()")
        given = [cst.Arg(rate), cst.Arg(cst.Integer("1")), cst.Arg(decay)]
        decayed = cst.ensure_type(schedule, cst.Call).with_changes(args=given)
        others = _without(call, lambda arg: arg.value is rate)
        return others.with_changes(args=[keyword("learning_rate", decayed), *others.args])

    def _layer(self, original: cst.Call, call: cst.Call, name: str) -> cst.BaseExpression:
        plain = [arg for arg in call.args if arg.keyword is None]
        call = _kernel_in_one(call, name, plain)
        names = {
            arg.keyword.value: old_keras.new_keyword(name, arg.keyword.value)
            for arg in call.args
            if arg.keyword is not None
        }
        for arg in call.args:
            if arg.keyword is not None and arg.keyword.value in old_keras.LAYER_DROPPED:
                self._note(original, f"{name}'s {arg.keyword.value} is left out: Keras 3 has none")
        call = _renamed(call, names, old_keras.LAYER_DROPPED)
        if name == "Embedding" and argument(call, None, "dropout") is not None:
            text = "Embedding's dropout is left out: Keras 3 has none"
            self._note(original, text, "put a SpatialDropout1D behind it")
            call = _without(call, lambda arg: _named(arg, "dropout"))
        return self.without_input(original, call, name)

    def _method(self, original: cst.Call, call: cst.Call) -> cst.BaseExpression:
        func = cst.ensure_type(call.func, cst.Attribute)
        old = cst.ensure_type(original.func, cst.Attribute).attr.value
        if old == "predict_classes":
            self.predicts_classes = True
            given = [cst.Arg(func.value), *call.args]
            return call.with_changes(func=cst.Name("predict_classes"), args=given)
        if old == "fit_generator":
            call = self._generator(original, call)
        if old in ("compile", "evaluate", "fit", "predict") or old in old_keras.METHODS:
            for arg in call.args:
                if arg.keyword is not None and arg.keyword.value == "show_accuracy":
                    text = "show_accuracy is left out"
                    self._note(original, text, 'compile with metrics=["accuracy"]')
            call = _renamed(call, old_keras.METHOD_ARGUMENTS, old_keras.METHOD_DROPPED)
        if old == "compile":
            return call.with_changes(args=[_with_accuracy(arg) for arg in call.args])
        if old == "get" and call.args and _is_text(call.args[0].value, "acc"):
            first = call.args[0].with_changes(value=cst.SimpleString('"accuracy"'))
            return call.with_changes(args=[first, *call.args[1:]])
        return call

    def _generator(self, original: cst.Call, call: cst.Call) -> cst.Call:
        """fit_generator's second and third argument by place are steps and epochs."""
        plain = [arg for arg in call.args if arg.keyword is None]
        named = [arg for arg in call.args if arg.keyword is not None]
        if argument(call, 1, "samples_per_epoch") is not None:
            text = "samples_per_epoch is left out: an epoch is one pass over the generator"
            self._note(original, text)
        extra = [keyword("epochs", arg.value) for arg in plain[2:3]]
        return call.with_changes(args=[*plain[:1], *extra, *named])

    def _wrapper(self, original: cst.Call, call: cst.Call) -> cst.BaseExpression:
        """KerasClassifier(build_fn=f, epochs=3, ...) as Keras 3's SKLearnClassifier."""
        build = argument(call, 0, "build_fn", "model")
        if build is None:
            self._note(original, "without build_fn it isn't carried over", "name the function")
            return call
        of_fit = {"batch_size", "epochs", "nb_epoch", "verbose", "callbacks", "class_weight"}
        fit: list[cst.DictElement] = []
        model: list[cst.DictElement] = []
        for arg in call.args:
            if arg.keyword is None or arg.keyword.value in ("build_fn", "model"):
                continue
            name = arg.keyword.value
            entry = cst.DictElement(
                cst.SimpleString(f'"{old_keras.METHOD_ARGUMENTS.get(name, name)}"'), arg.value
            )
            (fit if name in of_fit else model).append(entry)
        function = cst.Module([]).code_for_node(build)
        # Keras 3 hands the rows to what makes the model, which old functions don't take.
        maker = cst.parse_expression(f"lambda x, y, **kwargs: {function}(**kwargs)")
        return call.with_changes(
            args=[
                cst.Arg(maker),
                keyword("model_kwargs", cst.Dict(model)),
                keyword("fit_kwargs", cst.Dict(fit)),
            ]
        )

    def _image_order(self, original: cst.Call, call: cst.Call) -> cst.BaseExpression:
        order = argument(original, 0, "dim_ordering")
        text = order.raw_value if isinstance(order, cst.SimpleString) else ""
        new = old_keras.VALUES["data_format"].get(text)
        if new is None:
            self._note(original, "set_image_dim_ordering of something that isn't written out")
            return call
        return cst.parse_expression(f'keras.config.set_image_data_format("{new}")')


def _path(dots: str) -> cst.Attribute | cst.Name:
    expression = cst.parse_expression(dots)
    assert isinstance(expression, cst.Attribute | cst.Name)  # noqa: S101 - a dotted path
    return expression


def _is_acc(value: str) -> bool:
    return value in ("'acc'", '"acc"')


def _is_text(node: cst.BaseExpression, text: str) -> bool:
    return isinstance(node, cst.SimpleString) and node.raw_value == text


def _is(node: cst.BaseExpression, *codes: str) -> bool:
    return cst.Module([]).code_for_node(node).strip() in codes


def _named(arg: cst.Arg, name: str) -> bool:
    return arg.keyword is not None and arg.keyword.value == name


def _without(call: cst.Call, unwanted: Callable[[cst.Arg], bool]) -> cst.Call:
    kept = [arg for arg in call.args if not unwanted(arg)]
    return with_arguments(call, kept)


def _renamed(call: cst.Call, names: Mapping[str, str], dropped: frozenset[str]) -> cst.Call:
    call = _without(call, lambda arg: arg.keyword is not None and arg.keyword.value in dropped)
    args = []
    for arg in call.args:
        if arg.keyword is not None:
            new = names.get(arg.keyword.value, arg.keyword.value)
            values = old_keras.VALUES.get(new, {})
            value = arg.value
            if isinstance(value, cst.SimpleString) and value.raw_value in values:
                value = cst.SimpleString(f'"{values[str(value.raw_value)]}"')
            arg = arg.with_changes(keyword=cst.Name(new), value=value)
        args.append(arg)
    return call.with_changes(args=args)


def _kernel_in_one(call: cst.Call, name: str, plain: Sequence[cst.Arg]) -> cst.Call:
    """Conv2D(32, 3, 3) meant a kernel of 3 x 3; to Keras 3 the third is the stride."""
    axes = {"Conv2D": 2, "SeparableConv2D": 2, "Conv3D": 3}.get(name)
    if axes is None:
        return call
    rows, columns = argument(call, None, "nb_row"), argument(call, None, "nb_col")
    if rows is not None and columns is not None:
        kernel = cst.Tuple([cst.Element(rows), cst.Element(columns)])
        others = _without(call, lambda arg: _named(arg, "nb_row") or _named(arg, "nb_col"))
        return others.with_changes(args=[*others.args, keyword("kernel_size", kernel)])
    sizes = [arg.value for arg in plain[1 : axes + 1]]
    if len(sizes) < axes or any(isinstance(s, cst.Tuple | cst.List) for s in sizes):
        return call
    kernel = cst.Tuple([cst.Element(size) for size in sizes])
    others_args = [arg for arg in call.args if arg not in plain[1 : axes + 1]]
    return call.with_changes(
        args=[*others_args[:1], cst.Arg(kernel), *others_args[1:]],
    )


def _with_accuracy(arg: cst.Arg) -> cst.Arg:
    """metrics=['acc'] names its curve so; the search knows it as accuracy."""
    if not _named(arg, "metrics") or not isinstance(arg.value, cst.List):
        return arg
    elements = [
        e.with_changes(value=cst.SimpleString('"accuracy"')) if _is_text(e.value, "acc") else e
        for e in arg.value.elements
    ]
    return arg.with_changes(value=arg.value.with_changes(elements=elements))
