"""A model of scikit-learn as ONNX files with the same named tensors, and rows with its own answers to compare them with."""

import numpy
import onnx
from onnx import TensorProto, helper

import headrace_model

ROWS = 512

ONNX_TYPES = {
    "BOOL": TensorProto.BOOL,
    "INT32": TensorProto.INT32,
    "INT64": TensorProto.INT64,
    "FP32": TensorProto.FLOAT,
    "FP64": TensorProto.DOUBLE,
    "BYTES": TensorProto.STRING,
}


def converted(model):
    """Candidates, and rows that each must answer as the model does. The server decides: it runs them."""
    raw = model.estimator()
    about = model.about.flavors.get("python_function", {})
    if about.get("loader_module") != "mlflow.sklearn" or not hasattr(raw, "predict"):
        raise ValueError("it is no estimator of scikit-learn")
    if model.parameters.specs:
        raise ValueError("it has parameters")
    if len(model.specs) != 1:
        raise ValueError("it has several outputs")
    specs = model.input.specs()
    if any(spec["type"] not in ONNX_TYPES or spec["type"] == "BYTES" for spec in specs):
        raise ValueError("it has inputs that are no numbers")
    wants_probabilities = about.get("predict_fn") == "predict_proba"
    candidates, reasons = [], []
    for kind in (TensorProto.FLOAT, TensorProto.DOUBLE):
        try:
            candidates.append(one_file(raw, specs, model.specs[0], kind, wants_probabilities))
        except Exception as error:
            reasons.append(str(error))
    if not candidates:
        raise ValueError(reasons[0])
    inputs = rows_for(raw, model)
    outputs = model.predicted(inputs)
    arrays = {f"file/{index}": numpy.frombuffer(file, dtype=numpy.uint8) for index, file in enumerate(candidates)}
    arrays.update({f"in/{name}": array for name, array in inputs.items()})
    arrays.update({f"out/{name}": array for name, array in outputs.items()})
    tensors, parts = headrace_model.encoded(arrays)
    return {"kind": "converted", "tensors": tensors}, parts


def one_file(raw, specs, output, kind, wants_probabilities):
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    width = len(specs) if specs[0]["shape"][1:] == [1] or len(specs) > 1 else specs[0]["shape"][1]
    matrix = (FloatTensorType if kind == TensorProto.FLOAT else DoubleTensorType)([None, width])
    options = {id(raw): {"zipmap": False}} if hasattr(raw, "classes_") and hasattr(raw, "predict_proba") else None
    made = convert_sklearn(raw, initial_types=[("headrace_matrix", matrix)], options=options)
    graph = made.graph
    before = []
    inputs = []
    columns = []
    for index, spec in enumerate(specs):
        shape = [None if size == -1 else size for size in spec["shape"]]
        inputs.append(helper.make_tensor_value_info(spec["name"], ONNX_TYPES[spec["type"]], shape))
        columns.append(f"headrace_column_{index}")
        before.append(helper.make_node("Cast", [spec["name"]], [columns[-1]], to=kind))
    before.append(helper.make_node("Concat", columns, ["headrace_matrix"], axis=1))
    source = graph.output[1 if wants_probabilities else 0].name
    after = [
        helper.make_node("Reshape", [source, "headrace_shape"], ["headrace_reshaped"]),
        helper.make_node("Cast", ["headrace_reshaped"], [output["name"]], to=ONNX_TYPES[output["type"]]),
    ]
    shape = numpy.array([-1, *output["shape"][1:]], dtype=numpy.int64)
    graph.initializer.append(onnx.numpy_helper.from_array(shape, "headrace_shape"))
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    graph.input.extend(inputs)
    open_shape = [None if size == -1 else size for size in output["shape"]]
    graph.output.append(helper.make_tensor_value_info(output["name"], ONNX_TYPES[output["type"]], open_shape))
    onnx.checker.check_model(made)
    return made.SerializeToString()


def rows_for(raw, model):
    """Rows that it was logged with, rows around them, and rows at the very thresholds of its trees."""
    random = numpy.random.RandomState(7)
    base = headrace_model.rows_of(model.example, ROWS)
    arrays = {name: array.astype(numpy.float64) for name, array in base.items()}
    for array in arrays.values():
        noise = random.standard_normal(array.shape) * (numpy.std(array, axis=0) + 1.0)
        array[ROWS // 4 : ROWS // 2] += noise[ROWS // 4 : ROWS // 2]
    names = list(arrays)
    is_columns = len(names) > 1 or arrays[names[0]].shape[1] == 1
    thresholds = thresholds_of(raw)
    random.shuffle(thresholds)
    for row, (feature, value) in zip(range(ROWS // 2, ROWS), spread(thresholds)):
        if is_columns:
            arrays[names[feature]][row, 0] = value
        else:
            arrays[names[0]][row, feature] = value
    return {name: array.astype(base[name].dtype) for name, array in arrays.items()}


def spread(thresholds):
    """Each threshold, the next numbers of double precision, and those of single precision."""
    for feature, value in thresholds:
        single = numpy.float32(value)
        yield feature, value
        yield feature, numpy.nextafter(value, numpy.inf)
        yield feature, float(single)
        yield feature, float(numpy.nextafter(single, numpy.float32(numpy.inf)))


def thresholds_of(raw):
    found = []
    trees = [raw, *numpy.ravel(getattr(raw, "estimators_", []))]
    for one in trees:
        tree = getattr(one, "tree_", None)
        if tree is not None:
            inner = tree.children_left != tree.children_right
            found.extend(zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist()))
    return found
