"""Logs and registers models of PyTorch, and prints what MLflow itself predicts with each.

Usage: log_torch_models.py <tracking uri>. Prints one line `MODELS {...}`, as log_models.py.
"""

import os
import sys
import tempfile

from kept_models import ROWS, keep, pinned, tell
import mlflow
import numpy as np
import pandas as pd
import torch
from mlflow.models import infer_signature

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment("torch models")
torch.manual_seed(3)
torch.set_num_threads(1)
random = np.random.RandomState(3)
matrix = random.standard_normal((200, 3)).astype(np.float32)
frame = pd.DataFrame(matrix.astype(np.float64), columns=["a", "b", "c"])
images = random.standard_normal((ROWS, 1, 8, 8)).astype(np.float32)
PINNED = pinned(["mlflow", "torch", "pandas", "numpy", "cloudpickle"])

network = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2), torch.nn.Softmax(dim=1))
optimizer = torch.optim.Adam(network.parameters(), lr=0.05)
target = torch.from_numpy((matrix[:, 0] + matrix[:, 1] > 0).astype(np.int64))
for _ in range(40):
    optimizer.zero_grad()
    torch.nn.functional.nll_loss(torch.log(network(torch.from_numpy(matrix))), target).backward()
    optimizer.step()
network.eval()


def answer(model, data):
    with torch.no_grad():
        return model(torch.from_numpy(data)).numpy()


def flavour(model):
    # The default format exports the graph; a pickle is what most registered models are.
    return lambda **more: mlflow.pytorch.log_model(model, serialization_format="pickle", **PINNED, **more)


keep("network", flavour(network), matrix[:ROWS], signature=infer_signature(matrix, answer(network, matrix)))
keep("columns", flavour(network), frame[:ROWS], signature=infer_signature(frame, pd.DataFrame(answer(network, matrix))))
picture = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 5)).eval()
keep("picture", flavour(picture), images, signature=infer_signature(images, answer(picture, images)))
script = torch.jit.script(network)
keep("script", flavour(script), matrix[:ROWS], signature=infer_signature(matrix, answer(network, matrix)))
exported = torch.export.Dim("rows", min=1, max=4096)
keep(
    "exported",
    lambda **more: mlflow.pytorch.log_model(
        network,
        serialization_format="pt2",
        input_example=matrix[:5],
        **PINNED,
        **more,
    ),
    matrix[:5],
    signature=infer_signature(matrix, answer(network, matrix)),
)


class FromWeights(mlflow.pyfunc.PythonModel):
    """A network that it builds itself, with weights of a file: several outputs, and a parameter."""

    def load_context(self, context):
        self.network = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2), torch.nn.Softmax(dim=1))
        self.network.load_state_dict(torch.load(context.artifacts["weights"], weights_only=True))
        self.network.eval()

    def predict(self, context, model_input, params=None):
        with torch.no_grad():
            found = self.network(torch.from_numpy(model_input.to_numpy().astype(np.float32)))
        return {"probability": found[:, 1], "good": (found[:, 1] > (params or {}).get("above", 0.5)), "all": found}


weights = os.path.join(tempfile.mkdtemp(), "weights.pt")
torch.save(network.state_dict(), weights)
keep(
    "weights",
    lambda **more: mlflow.pyfunc.log_model(python_model=FromWeights(), artifacts={"weights": weights}, **PINNED, **more),
    frame[:ROWS],
    signature=infer_signature(frame, None, params={"above": 0.5}),
)
tell()
