"""Reads tasks, command lines and records by the real package of SkyPilot. The path of a JSON file; JSON on stdout."""
import json
import sys

import sky
from sky.client.cli import command
from sky.jobs import ManagedJobStatus
from sky.schemas.api import responses

with open(sys.argv[1]) as file:
    asked = json.load(file)


def task_of(path):
    task = sky.Task.from_yaml(path)
    options = list(task.resources)
    return {
        "name": task.name,
        "run": task.run,
        "spot": sorted(one.use_spot for one in options),
        "accelerators": [one.accelerators for one in options][0],
        "maxHourlyCost": [one.max_hourly_cost for one in options][0],
        "recovery": [one.job_recovery for one in options][0],
        "mounts": sorted(task.storage_mounts or {}) + sorted(task.file_mounts or {}),
    }


def options_of(words):
    known = command.jobs.commands[words[0]]
    context = known.make_context(words[0], list(words[1:]))
    return {name: value for name, value in context.params.items() if value}


print(
    "\n"
    + json.dumps(
        {
            "tasks": [task_of(path) for path in asked["tasks"]],
            "options": [options_of(words) for words in asked["commands"]],
            "record": responses.ManagedJobRecord().model_dump(mode="json"),
            "statuses": {one.value: one.is_terminal() for one in ManagedJobStatus},
        }
    )
)
