"""Scores the rows of a task by ONNX Runtime in the Python of an executor, as the function of a `mapInArrow`.

The text is run in each worker process; `scorer` makes the function. Batches have the columns of the output, then `cells_` (a struct of the
cells of the features). In its place the result has `features_` (a list of doubles), and adds `score`, `code_` and `reason_`.

`numbers_of` is the rule of src/model/cell-number.ts: a cell is the nearest double; a float32 is the nearest to that double; a whole type
takes the cell exactly, or refuses it.
"""


def scorer(job):
    def score(batches):
        import numpy
        import pyarrow

        session = opened(job)
        check_parity(session, job, numpy)
        for batch in batches:
            yield scored(session, job, batch, numpy, pyarrow)

    return score


def opened(job):
    import hashlib
    import os

    # It reports to its vendor otherwise, and reads the variable when it is loaded.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise RuntimeError("HEADRACE_PACKAGE onnxruntime: " + str(error)) from error
    with open(job["model"], "rb") as file:
        model = file.read()
    if hashlib.sha256(model).hexdigest() != job["modelSha256"]:
        raise RuntimeError("the file " + job["model"] + " has other bytes on this machine")
    options = onnxruntime.SessionOptions()
    # One thread a run, so that the score of a row does not depend on its batch.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def check_parity(session, job, numpy):
    parity = job["parity"]
    if parity is None:
        return
    types = types_of(job)
    rows = numpy.array([[numpy.nan if x is None else x for x in row] for row in parity["rows"]], dtype=numpy.float64)
    columns = [vector_numbers(rows[:, i], numpy.isnan(rows[:, i]), types[i], numpy)[0] for i in range(len(types))]
    found = run(session, job, columns, list(range(len(rows))), numpy)
    for one, expected in zip(found, parity["scores"]):
        # A NaN differs from everything.
        if not abs(float(one) - expected) <= parity["tolerance"] * max(1.0, abs(expected)):
            raise RuntimeError("HEADRACE_PARITY %r %r" % (float(one), expected))


def types_of(job):
    """The type of each feature's number, in order."""
    types = ["FP64"] * job["width"]
    for one in job["modelInputs"]:
        for place in one["places"]:
            types[place] = one["type"]
    return types


def scored(session, job, batch, numpy, pyarrow):
    count = batch.num_rows
    kept = [batch.column(i) for i in range(batch.num_columns - 1)]
    cells = batch.column(batch.num_columns - 1)
    columns = []
    shown = numpy.full((count, job["width"]), numpy.nan)
    rejected = {}
    for place, kind in enumerate(types_of(job)):
        cell = cells.field(place)
        values, unfit = numbers_of(cell, kind, numpy, pyarrow)
        columns.append(values)
        shown[:, place] = numpy.where(unfit, numpy.nan, values.astype(numpy.float64))
        for row in numpy.flatnonzero(unfit).tolist():
            if row not in rejected:
                rejected[row] = ("PREDICT_CELL", fault_of(place, cell[row].as_py(), cell.type, numpy, pyarrow))
    scores = numpy.full(count, numpy.nan)
    halved(session, job, columns, [i for i in range(count) if i not in rejected], scores, rejected, numpy)
    offsets = pyarrow.array(numpy.arange(count + 1, dtype=numpy.int32) * job["width"])
    whole = [i not in rejected for i in range(count)]
    added = [
        pyarrow.ListArray.from_arrays(offsets, pyarrow.array(shown.reshape(-1))),
        pyarrow.array(scores, type=pyarrow.float64(), mask=~numpy.array(whole, dtype=bool)),
        pyarrow.array([rejected[i][0] if i in rejected else None for i in range(count)], type=pyarrow.string()),
        pyarrow.array([rejected[i][1] if i in rejected else None for i in range(count)], type=pyarrow.string()),
    ]
    names = list(batch.schema.names[:-1]) + ["features_", "score", "code_", "reason_"]
    return pyarrow.RecordBatch.from_arrays(kept + added, names=names)


TYPES = {"FP32": "float32", "FP64": "float64", "BOOL": "bool"}


def numbers_of(cells, kind, numpy, pyarrow):
    """The numbers of cells in the type of a tensor, and which of them do not fit."""
    missing = numpy.asarray(cells.is_null(), dtype=bool)
    types = pyarrow.types
    if types.is_decimal(cells.type) or types.is_string(cells.type) or types.is_large_string(cells.type):
        found = [None if cell is None else exact_number(cell, kind) for cell in cells.to_pylist()]
        unfit = numpy.array([one is None for one in found], dtype=bool)
        if kind in ("FP32", "FP64"):
            # Doubles of texts and decimals go the way of all doubles.
            doubles = numpy.array([numpy.nan if one is None else one for one in found], dtype=numpy.float64)
            values, over = vector_numbers(doubles, missing, kind, numpy)
            return values, over | (unfit & ~missing)
        dtype = TYPES.get(kind, kind.lower())
        return numpy.array([0 if one is None else one for one in found], dtype=dtype), unfit
    if types.is_boolean(cells.type):
        cells = cells.cast(pyarrow.uint8())
    return vector_numbers(cells.fill_null(0).to_numpy(zero_copy_only=False), missing, kind, numpy)


def vector_numbers(cells, missing, kind, numpy):
    """As `numbers_of`, of an array of numbers."""
    if kind in ("FP32", "FP64"):
        doubles = numpy.where(missing, numpy.nan, cells.astype(numpy.float64))
        if kind == "FP64":
            return doubles, numpy.zeros(len(doubles), dtype=bool)
        with numpy.errstate(over="ignore"):
            singles = doubles.astype(numpy.float32)
        return singles, numpy.isinf(singles) & numpy.isfinite(doubles)
    least, greatest = range_of(kind)
    if cells.dtype.kind == "f":
        doubles = cells.astype(numpy.float64)
        with numpy.errstate(invalid="ignore"):
            unfit = ~(numpy.trunc(doubles) == doubles) | ~(doubles >= least) | ~(doubles < float(greatest + 1))
    else:
        # A bound beyond the array's own type holds every number of it.
        own = numpy.iinfo(cells.dtype)
        unfit = numpy.zeros(len(cells), dtype=bool)
        if least > own.min:
            unfit |= cells < least
        if greatest < own.max:
            unfit |= cells > greatest
    unfit = unfit | missing
    return numpy.where(unfit, cells.dtype.type(0), cells).astype(TYPES.get(kind, kind.lower())), unfit


def range_of(kind):
    if kind == "BOOL":
        return 0, 1
    bits = int(kind.replace("U", "").replace("INT", ""))
    return (0, 2**bits - 1) if kind.startswith("U") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


DIGITS = "[0-9]+(_[0-9]+)*"
SPACES = " \t\n\v\f\r"
# A text that DuckDB, which worker processes read by, takes for a number; as score-runner/ScoreCell.java has it.
NUMBER = "(-|[+]-?)?(((%s)[.]?(%s)?|[.]%s)([eE][-+]?%s)?|[nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?)" % (
    (DIGITS,) * 4
)


def exact_number(cell, kind):
    """The number of a decimal or of a text: a double for a float type, a whole number of its range for others; None: it does not fit."""
    import re

    if isinstance(cell, str):
        text = cell.strip(SPACES)
        if re.fullmatch(NUMBER, text) is None:
            return None
        if re.fullmatch("[+-]?" + DIGITS, text) is not None:
            number = int(text)
        else:
            number = float(text.replace("_", "").replace("+-", "-"))
            if number in (float("inf"), float("-inf")) and "inf" not in text.lower():
                return None
    else:
        number = cell
    if kind in ("FP32", "FP64"):
        return double_of(number)
    if number != number or number in (float("inf"), float("-inf")) or number != int(number):
        return None
    least, greatest = range_of(kind)
    return int(number) if least <= number <= greatest else None


def double_of(number):
    try:
        return float(number)
    except OverflowError:
        # Digits of a text beyond a double.
        return None


def fault_of(place, cell, arrow, numpy, pyarrow):
    """The cell after its feature's place: the process that commits the job says why."""
    if cell is None:
        return "%dm" % place
    if pyarrow.types.is_float32(arrow):
        return "%dn %s" % (place, numpy.float32(cell))
    if isinstance(cell, float):
        return "%dn %r" % (place, cell)
    text = format(cell, "f") if pyarrow.types.is_decimal(arrow) else str(cell)
    return "%dt %s" % (place, text[:60])


def halved(session, job, columns, rows, scores, rejected, numpy):
    """A batch that fails is halved until the rows that fail stand alone."""
    if not rows:
        return
    try:
        found = run(session, job, columns, rows, numpy)
    except Wrong:
        raise
    except Exception as error:
        if len(rows) == 1:
            rejected[rows[0]] = ("MODEL_RUN", str(error))
            return
        middle = (len(rows) + 1) // 2
        halved(session, job, columns, rows[:middle], scores, rejected, numpy)
        halved(session, job, columns, rows[middle:], scores, rejected, numpy)
        return
    for row, value in zip(rows, found):
        if numpy.isfinite(value):
            scores[row] = value
        else:
            rejected[row] = ("MODEL_SCORE", "its score is " + str(value))


class Wrong(Exception):
    """The model does not fit the job, whatever the row."""


def run(session, job, columns, rows, numpy):
    if job["isSingle"] and len(rows) > 1:
        return numpy.concatenate([run(session, job, columns, [row], numpy) for row in rows])
    fed = {one["name"]: tensor(one, columns, rows, numpy) for one in job["modelInputs"]}
    (output,) = session.run([job["modelOutput"]], fed)
    numbers = numpy.asarray(output).reshape(-1)
    if numbers.size not in (len(rows), 2 * len(rows)):
        raise Wrong("the model's output has %d values for %d rows" % (numbers.size, len(rows)))
    return doubles_of(numbers.reshape(len(rows), -1)[:, -1], numpy)


def doubles_of(numbers, numpy):
    """Scores are doubles; a whole number that no double is has NaN instead."""
    if numbers.dtype.kind not in "iu" or numbers.dtype.itemsize < 8:
        return numbers.astype(numpy.float64)
    return numpy.array([float(one) if int(float(one)) == int(one) else numpy.nan for one in numbers.tolist()])


def tensor(one, columns, rows, numpy):
    values = numpy.stack([columns[place][rows] for place in one["places"]], axis=1)
    return numpy.ascontiguousarray(values).reshape([len(rows)] + one["shape"])
