"""A model of MLflow behind named tensors: any version with the flavour python_function."""

import datetime
import json
import warnings

import numpy
import pandas

OF_TYPE = {
    "BOOL": numpy.bool_,
    "UINT8": numpy.uint8,
    "UINT16": numpy.uint16,
    "UINT32": numpy.uint32,
    "UINT64": numpy.uint64,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "FP16": numpy.float16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
}
TYPE_OF = {numpy.dtype(kind).str: name for name, kind in OF_TYPE.items()}

# Types of MLflow's columns. Those that are not here are texts of JSON.
COLUMN_TYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
    "string": "BYTES",
    "binary": "BYTES",
    "datetime": "BYTES",
}
PREDICTION = "predict"

# Types of MLflow's parameters; an object is a text of JSON in a request.
PARAMETER_TYPES = ("boolean", "integer", "long", "float", "double", "string", "datetime")


def decoded(tensors, payload):
    """Arrays by name. Elements of BYTES are bytes."""
    arrays, at = {}, 0
    for tensor in tensors:
        part = payload[at : at + tensor["bytes"]]
        at += tensor["bytes"]
        if tensor["type"] == "BYTES":
            array = numpy.empty(len(tensor["lengths"]), dtype=object)
            begin = 0
            for index, length in enumerate(tensor["lengths"]):
                array[index] = bytes(part[begin : begin + length])
                begin += length
        else:
            array = numpy.frombuffer(part, dtype=OF_TYPE[tensor["type"]])
        arrays[tensor["name"]] = array.reshape(tensor["shape"])
    return arrays


def encoded(arrays):
    """Tensors of named arrays, and their bytes. An array of objects has bytes as its elements."""
    tensors, parts = [], []
    for name, array in arrays.items():
        if array.dtype == object:
            elements = list(array.reshape(-1))
            lengths = [len(one) for one in elements]
            part = b"".join(elements)
            tensors.append({"name": name, "type": "BYTES", "shape": array.shape, "bytes": len(part), "lengths": lengths})
        else:
            part = numpy.ascontiguousarray(array).tobytes()
            tensors.append({"name": name, "type": TYPE_OF[array.dtype.str], "shape": array.shape, "bytes": len(part)})
        parts.append(part)
    return tensors, parts


class Column:
    """One column of a model's data frame, as a tensor of one column."""

    def __init__(self, name, kind):
        self.name = name
        self.kind = kind
        self.type = COLUMN_TYPES.get(kind, "BYTES")

    def spec(self):
        return {"name": self.name, "type": self.type, "shape": [-1, 1]}

    def values(self, array):
        flat = array.reshape(-1)
        if self.type != "BYTES" or self.kind == "binary":
            return flat
        texts = [one.decode("utf-8") for one in flat]
        if self.kind == "string":
            return numpy.array(texts, dtype=object)
        if self.kind == "datetime":
            return pandas.to_datetime(texts).to_numpy()
        return pandas.Series([json.loads(text) for text in texts], dtype=object)

    def array(self, values):
        """The tensor of values of a data frame."""
        if self.type != "BYTES":
            return numpy.asarray(values, dtype=OF_TYPE[self.type]).reshape(-1, 1)
        return objects([text_of(one) for one in values]).reshape(-1, 1)


def text_of(value):
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, (datetime.datetime, datetime.date, pandas.Timestamp)):
        return value.isoformat().encode()
    if isinstance(value, numpy.datetime64):
        return str(value).encode()
    return json.dumps(value, default=plain).encode()


def plain(value):
    if isinstance(value, numpy.generic):
        return value.item()
    if isinstance(value, numpy.ndarray):
        return value.tolist()
    return str(value)


def objects(values):
    array = numpy.empty(len(values), dtype=object)
    array[:] = values
    return array


class FrameInput:
    """A model that takes a data frame."""

    def __init__(self, columns):
        self.columns = columns
        self.names = [column.name for column in columns]
        types = {column.type for column in columns}
        self.is_matrix = len(types) == 1 and "BYTES" not in types

    def specs(self):
        return [column.spec() for column in self.columns]

    def matrix(self, arrays):
        return numpy.concatenate([arrays[name].reshape(-1, 1) for name in self.names], axis=1)

    def data(self, arrays):
        if self.is_matrix:
            return pandas.DataFrame(self.matrix(arrays), columns=self.names)
        return pandas.DataFrame({column.name: column.values(arrays[column.name]) for column in self.columns})

    def arrays(self, example):
        if isinstance(example, dict):
            example = pandas.DataFrame(example)
        if isinstance(example, pandas.Series):
            example = example.to_frame()
        if not isinstance(example, pandas.DataFrame):
            example = pandas.DataFrame(example, columns=self.names)
        return {column.name: column.array(example[column.name]) for column in self.columns}


class TensorInput:
    """A model that takes one array, or arrays by name."""

    def __init__(self, tensors):
        self.tensors = [(name or f"input-{index}", numpy.dtype(kind), list(shape)) for index, (name, kind, shape) in enumerate(tensors)]
        self.is_named = tensors[0][0] is not None
        self.is_matrix = not self.is_named and len(tensors) == 1 and len(tensors[0][2]) == 2 and self.tensors[0][1].kind in "fiu"
        self.names = []

    def matrix(self, arrays):
        return next(iter(arrays.values()))

    def specs(self):
        return [{"name": name, "type": tensor_type(kind), "shape": shape} for name, kind, shape in self.tensors]

    def data(self, arrays):
        given = {name: texts(arrays[name]) if kind.kind in "OSU" else arrays[name] for name, kind, _ in self.tensors}
        return given if self.is_named else next(iter(given.values()))

    def arrays(self, example):
        given = example if isinstance(example, dict) else {self.tensors[0][0]: example}
        return {
            name: tensor_of(given[name]) if tensor_type(kind) == "BYTES" else numpy.asarray(given[name], dtype=kind)
            for name, kind, _ in self.tensors
        }


def texts(array):
    return objects([one.decode("utf-8") for one in array.reshape(-1)]).reshape(array.shape)


def tensor_type(kind):
    return "BYTES" if kind.kind in "OSU" else TYPE_OF[kind.newbyteorder("=").str]


def tensor_of(value):
    """An array of a type that a tensor can have."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, (pandas.Series, pandas.Index)):
        value = value.to_numpy()
    if not isinstance(value, numpy.ndarray):
        values = value if isinstance(value, (list, tuple)) else [value]
        value = objects(values) if any(isinstance(one, (str, bytes, dict, list, tuple)) for one in values) else numpy.asarray(values)
    if value.ndim == 0:
        value = value.reshape(1)
    if value.dtype == object:
        flat = value.reshape(-1)
        numbers = all(one is None or isinstance(one, (int, float, bool, numpy.number)) for one in flat)
        if numbers and len(flat) > 0:
            return value.astype(numpy.float64)
        return objects([text_of(one) for one in flat]).reshape(value.shape)
    if value.dtype.kind in "SUMm":
        return objects([text_of(one if value.dtype.kind in "Mm" else one.item() if hasattr(one, "item") else one) for one in value.reshape(-1)]).reshape(value.shape)
    value = value.astype(value.dtype.newbyteorder("="), copy=False)
    if value.dtype.str not in TYPE_OF:
        raise TypeError(f"its output has the type {value.dtype}, which no tensor holds")
    return value


def outputs_of(result):
    """Named arrays of whatever a model returns."""
    if isinstance(result, pandas.DataFrame):
        return {str(name): tensor_of(result[name]).reshape(-1, 1) for name in result.columns}
    if isinstance(result, dict):
        return {str(name): tensor_of(value) for name, value in result.items()}
    if isinstance(result, tuple):
        return {f"output-{index}": tensor_of(value) for index, value in enumerate(result)}
    return {PREDICTION: tensor_of(result)}


class Parameters:
    """The parameters that a signature declares."""

    def __init__(self, about):
        schema = about.signature.params if about.signature is not None else None
        self.specs = list(schema.params) if schema is not None else []
        self.types = {one.name: self.type_of(one) for one in self.specs}

    def type_of(self, spec):
        kind = kind_of_type(spec.dtype)
        return kind if kind in PARAMETER_TYPES else "json"

    def described(self):
        return [
            {"name": one.name, "type": self.types[one.name], "isList": one.shape is not None, "default": self.plain_default(one)}
            for one in self.specs
        ]

    def plain_default(self, spec):
        value, kind = spec.default, self.types[spec.name]
        if value is None or isinstance(value, str):
            return value
        text = text_of(value).decode()
        if kind == "datetime" and not isinstance(value, list):
            return text
        value = json.loads(text)
        if kind != "long":
            return value
        return [str(one) for one in value] if isinstance(value, list) else str(value)

    def values(self, given):
        return {name: self.value(self.types[name], value) for name, value in given.items()}

    def value(self, kind, value):
        if isinstance(value, list) and kind != "json":
            return [self.value(kind, one) for one in value]
        if kind in ("integer", "long"):
            return int(value)
        if kind in ("float", "double"):
            return float(value)
        return numpy.datetime64(value.removesuffix("Z")) if kind == "datetime" else value


def kind_of_type(kind):
    return getattr(kind, "name", str(kind)).lower()


class Model:
    """A loaded version."""

    def __init__(self, path):
        import mlflow.models
        import mlflow.pyfunc

        self.path = path
        self.about = mlflow.models.Model.load(path)
        self.pyfunc = mlflow.pyfunc.load_model(path)
        self.input = self._input()
        self.example = self._example()
        self.parameters = Parameters(self.about)
        self.fast = None
        self.specs = self._probed()
        self.fast = self._fast()

    def _input(self):
        schema = self.about.signature.inputs if self.about.signature is not None else None
        if schema is not None and schema.is_tensor_spec():
            return TensorInput([(one.name, one.type, one.shape) for one in schema.inputs])
        if schema is not None and all(one.name is not None for one in schema.inputs):
            return FrameInput([Column(one.name, kind_of(one)) for one in schema.inputs])
        if schema is not None and len(schema.inputs) == 1:
            return TensorInput([(None, schema.inputs[0].type.to_numpy(), (-1,))])
        return self._own_input()

    def _own_input(self):
        """Without a signature: as many numbers as the estimator says that it was fitted on."""
        raw = self.estimator()
        names = getattr(raw, "feature_names_in_", None)
        if names is not None:
            return FrameInput([Column(str(name), "double") for name in names])
        count = getattr(raw, "n_features_in_", None)
        if count is None:
            raise ValueError("it has no signature; log it with an input example, or with a signature of named columns")
        return TensorInput([(None, numpy.float64, (-1, int(count)))])

    def estimator(self):
        try:
            return self.pyfunc.get_raw_model()
        except Exception:
            return None

    def _example(self):
        """The rows that it was logged with, as arrays; otherwise rows of one value."""
        if self.about.saved_input_example_info is not None:
            try:
                arrays = self.input.arrays(self.about.load_input_example(self.path))
                if all(len(array) > 0 for array in arrays.values()):
                    return {name: array[:256] for name, array in arrays.items()}
            except Exception as error:
                print(f"its input example cannot be used: {error}")
        return {spec["name"]: sample(spec) for spec in self.input.specs()}

    def _probed(self):
        """Specs of the outputs: of one row and of three. A size that follows the rows is open."""
        has_rows = all(spec["shape"][:1] == [-1] for spec in self.input.specs())
        one = self.predicted(rows_of(self.example, 1) if has_rows else self.example)
        more = self.predicted(rows_of(self.example, 3)) if has_rows else one
        if list(one) != list(more):
            raise ValueError("it returns other outputs for three rows than for one")
        return [
            {"name": name, "type": type_of(one[name]), "shape": open_shape(one[name].shape, more[name].shape)} for name in one
        ]

    def _fast(self):
        """The prediction of a plain estimator of scikit-learn on its matrix, without the frame and checks around it."""
        raw = self.estimator()
        about = self.about.flavors.get("python_function", {})
        if about.get("loader_module") != "mlflow.sklearn" or not is_plain(raw) or self.parameters.specs:
            return None
        predict = getattr(raw, about.get("predict_fn") or "predict", None)
        if predict is None or not self.input.is_matrix or list(getattr(raw, "feature_names_in_", self.input.names)) != self.input.names:
            return None
        rows = rows_of(self.example, 16)
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        same = outputs_of(predict(self.input.matrix(rows)))
        slow = self.predicted(rows)
        return predict if list(same) == list(slow) and all(numpy.array_equal(same[name], slow[name]) for name in slow) else None

    def predicted(self, arrays, parameters=None):
        if self.fast is not None:
            return outputs_of(self.fast(self.input.matrix(arrays)))
        if not self.parameters.specs:
            return outputs_of(self.pyfunc.predict(self.input.data(arrays)))
        return outputs_of(self.pyfunc.predict(self.input.data(arrays), params=self.parameters.values(parameters or {})))

    def described(self):
        """All that the server asks a worker first."""
        tensors, parts = encoded(self.example)
        message = {"inputs": self.input.specs(), "outputs": self.specs, "parameters": self.parameters.described(), "tensors": tensors}
        return message, parts

    def run(self, request, payload):
        arrays = self.predicted(decoded(request["tensors"], payload), request.get("parameters"))
        asked = request["outputs"]
        tensors, parts = encoded({name: arrays[name] for name in asked if name in arrays})
        return {"kind": "ran", "tensors": tensors}, parts

    def as_onnx(self):
        import headrace_onnx

        return headrace_onnx.converted(self)


def is_plain(estimator):
    """Whether it is an estimator of scikit-learn itself, without others inside: those make a matrix of a frame first."""
    if not type(estimator).__module__.startswith("sklearn.") or not hasattr(estimator, "get_params"):
        return False
    return not any(hasattr(value, "fit") or isinstance(value, (list, tuple, dict)) for value in estimator.get_params(deep=True).values())


def kind_of(column):
    return kind_of_type(column.type)


def sample(spec):
    shape = [1 if size == -1 else size for size in spec["shape"]]
    if spec["type"] == "BYTES":
        return objects([b"1"] * int(numpy.prod(shape))).reshape(shape)
    return numpy.zeros(shape, dtype=OF_TYPE[spec["type"]])


def rows_of(arrays, count):
    return {name: numpy.resize(array, (count, *array.shape[1:])) for name, array in arrays.items()}


def type_of(array):
    return "BYTES" if array.dtype == object else TYPE_OF[array.dtype.str]


def open_shape(one, more):
    if len(one) != len(more):
        raise ValueError("its outputs have another number of dimensions for three rows than for one")
    return [size if size == other else -1 for size, other in zip(one, more)]
