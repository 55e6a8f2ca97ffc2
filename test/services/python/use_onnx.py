"""Runs an ONNX file by ONNX Runtime: `use_onnx.py file`."""

import sys

import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print("loaded", [one.name for one in session.get_inputs()])
