"""Scores the rows of a task by ONNX Runtime in the Python of an executor, as the function of a `mapInArrow`.

The text is run in each worker process; `scorer` makes the function. Batches have the columns of the input, then `features_` (a list of
floats) and `fault_` (why a cell is no number, or null). The result adds `score`, `code_` and `reason_`.
"""

LARGEST_WHOLE = 2.0**24


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
    rows = numpy.array([[numpy.nan if x is None else x for x in row] for row in parity["rows"]], dtype=numpy.float32)
    for found, expected in zip(run(session, job, rows, numpy), parity["scores"]):
        # A NaN differs from everything.
        if not abs(float(found) - expected) <= parity["tolerance"] * max(1.0, abs(expected)):
            raise RuntimeError("HEADRACE_PARITY %r %r" % (float(found), expected))


def scored(session, job, batch, numpy, pyarrow):
    count = batch.num_rows
    columns = [batch.column(i) for i in range(batch.num_columns)]
    faults = columns[-1].to_pylist()
    features = numpy.asarray(columns[-2].flatten(), dtype=numpy.float32).reshape(count, job["width"])
    scores = numpy.full(count, numpy.nan)
    rejected = {i: ("PREDICT_CELL", fault) for i, fault in enumerate(faults) if fault is not None}
    halved(session, job, features, [i for i in range(count) if i not in rejected], scores, rejected, numpy)
    names = list(batch.schema.names) + ["score", "code_", "reason_"]
    whole = [i not in rejected for i in range(count)]
    codes = [rejected[i][0] if i in rejected else None for i in range(count)]
    reasons = [rejected[i][1] if i in rejected else None for i in range(count)]
    added = [
        pyarrow.array(scores, type=pyarrow.float64(), mask=~numpy.array(whole, dtype=bool)),
        pyarrow.array(codes, type=pyarrow.string()),
        pyarrow.array(reasons, type=pyarrow.string()),
    ]
    return pyarrow.RecordBatch.from_arrays(columns + added, names=names)


def halved(session, job, features, rows, scores, rejected, numpy):
    """A batch that fails is halved until the rows that fail stand alone."""
    if not rows:
        return
    try:
        found = run(session, job, features[rows], numpy)
    except Wrong:
        raise
    except Exception as error:
        if len(rows) == 1:
            rejected[rows[0]] = ("MODEL_RUN", str(error))
            return
        middle = (len(rows) + 1) // 2
        halved(session, job, features, rows[:middle], scores, rejected, numpy)
        halved(session, job, features, rows[middle:], scores, rejected, numpy)
        return
    for row, value in zip(rows, found):
        if numpy.isfinite(value):
            scores[row] = value
        else:
            rejected[row] = ("MODEL_SCORE", "its score is " + str(value))


class Wrong(Exception):
    """The model does not fit the job, whatever the row."""


def run(session, job, rows, numpy):
    if job["isSingle"] and len(rows) > 1:
        return numpy.concatenate([run(session, job, rows[i : i + 1], numpy) for i in range(len(rows))])
    fed = {one["name"]: tensor(one, rows, numpy) for one in job["modelInputs"]}
    (output,) = session.run([job["modelOutput"]], fed)
    numbers = numpy.asarray(output).reshape(-1)
    if numbers.size not in (len(rows), 2 * len(rows)):
        raise Wrong("the model's output has %d values for %d rows" % (numbers.size, len(rows)))
    return numbers.reshape(len(rows), -1)[:, -1].astype(numpy.float32)


TYPES = {"FP32": "float32", "FP64": "float64", "BOOL": "bool"}


def tensor(one, rows, numpy):
    values = rows[:, one["places"]]
    kind = TYPES.get(one["type"], one["type"].lower())
    if not kind.startswith("float"):
        whole = numpy.isfinite(values) & (numpy.trunc(values) == values) & (numpy.abs(values) <= LARGEST_WHOLE)
        with numpy.errstate(invalid="ignore"):
            fits = whole & (values.astype(kind).astype(numpy.float64) == values)
        if not fits.all():
            reason = "missing, no whole number of %s, or above 2^24" % one["type"]
            raise ValueError("a feature is %s: %s" % (values[~fits][0], reason))
    return numpy.ascontiguousarray(values.astype(kind)).reshape([len(rows)] + one["shape"])
