"""Checks the objects of a JSON file against the schemas of Kubernetes, strictly. Prints what is wrong."""
import json
import sys

import kubernetes_validate

with open(sys.argv[1]) as file:
    objects = json.load(file)
for one in objects:
    for version in ("1.31", "1.37"):
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            print("%s of %s: %s" % (".".join(map(str, error.path)), version, error.message))
