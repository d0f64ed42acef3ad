"""Runs functions of pyroSAR; the tests start it in the environment of pyroSAR with a JSON of arguments.

pyroSAR is as it was installed, with one repair where it needs it: in version 0.39.1 ``noise_power`` calls
``orb_parametrize`` with arguments that this no longer takes, and fails whatever its gpt is. The older signature is put
back for that call.
"""

import inspect
import json
import sys
from typing import Any

from pyroSAR.snap import geocode, noise_power, util

_present = util.orb_parametrize


def _with_older_signature(scene: Any, workflow: Any = None, before: Any = None, **options: Any) -> Any:
    node = _present(scene=scene, **options)
    if workflow is not None:
        workflow.insert_node(node, before=before)
    return node


if "workflow" not in inspect.signature(_present).parameters:
    util.orb_parametrize = _with_older_signature

{"geocode": geocode, "noise_power": noise_power}[sys.argv[1]](**json.loads(sys.argv[2]))
