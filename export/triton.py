"""A model repository for NVIDIA's Triton Inference Server, which serves thousands of listeners.

Triton keeps each listener's h and c itself (implicit state) and runs the steps of many listeners as
one batch. It joins requests along the first dimension of every tensor, the state's too, so that
model.onnx has h, c, h_out and c_out as [batch, layers, hidden] here; names and metadata are those
of format 1. How to talk to it: docs/serving.md.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from ugen.runtime import Card
from ugen.runtime.inference.engine import onnxruntime
from ugen.runtime.inference.model import State, Step
from ugen.runtime.model_file.format import OUTPUTS, inputs_of

from .new_folder import check_new_folder, new_folder
from .onnx_graph import build
from .proof import Proof

# Triton pairs the k-th input with the k-th output in alphabetical order, whatever the config says:
# these names fit
STATES = {"h": "h_out", "c": "c_out"}
_LEFT_OUT = ("ugen.originality",)  # of the metadata in config.pbtxt: large, and model.onnx has it
_TURNED = [1, 0, 2]  # [layers, batch, hidden] and [batch, layers, hidden], either way

_CONFIG = Template("""\
# Written by export-ugen. A listener is a sequence: a $step in, logits out, step by step, under one
# sequence id.
name: "$name"
backend: "onnxruntime"
# The most listeners in one step. On a CPU core batches over 16 bring little; on a GPU they may.
max_batch_size: 64
input [
  {
    name: "$step"
    data_type: $step_type
    dims: [ $step_dims ]
  }
]
output [
  {
    name: "logits"
    data_type: TYPE_FP32
    dims: [ 1, $vocabulary ]
  }
]
sequence_batching {
  # A listener who is silent for a minute has left: h and c are dropped, and only a new sequence may
  # follow. Triton's own limit of a second would lose a player that computes some bars ahead.
  max_sequence_idle_microseconds: 60000000
  # Oldest, not direct: direct keeps a row of the batch for every open listener, and runs the rows
  # of those who are silent on whatever bytes are there, which are no $step. With oldest only
  # requests run, and their state with them.
  oldest {
    # Open listeners per instance, silent ones too; more wait until one ends. Each costs two copies
    # of h and c.
    max_candidate_sequences: 4096
    # Requests that come while a step runs are the next batch, so that batches grow with the load by
    # themselves. No preferred_batch_size: one below the most would split what could run at once.
    max_queue_delay_microseconds: 0
  }
  # No control_input, for the model has no such tensor: when a request starts a sequence, Triton
  # itself sets h and c to zeros, with which every piece begins.
  state [
$states
  ]
}
instance_group [
  {
    # The GPU where there is one. On a CPU set count to the number of cores: an instance uses one.
    count: 1
    kind: KIND_AUTO
  }
]
# A step is little work: a second instance serves more than a second thread.
parameters { key: "intra_op_thread_count" value { string_value: "1" } }
# The metadata of model.onnx, so that a client can ask the server for the codec.
$metadata
""")

_STATE = Template("""\
    {
      input_name: "$before"
      output_name: "$after"
      data_type: TYPE_FP32
      dims: [ $dims ]
      initial_state { name: "zeros" data_type: TYPE_FP32 dims: [ $dims ] zero_data: true }
    }""")


TAKES_PRECISION = False


def check_output(output: Path) -> None:
    """Raise UgenError when something is there already, an empty folder aside."""
    check_new_folder(output)


def write(proof: Proof, output: Path) -> None:
    """Write the repository, proved. Raises UgenError, and leaves nothing, when it disagrees."""
    card, name = proof.card("fp32"), model_name(proof.checkpoint.path)
    with new_folder(output) as partial:
        write_repository(build(proof.checkpoint.model, card.to_metadata()), card, partial, name)
        proof.require("Triton", Served(model_path(partial, name), card.codec.input))
    proof.say(f"{output}: a model repository with {name}. Serve it:")
    proof.say(f"tritonserver --model-repository={output}")


def write_repository(proto: onnx.ModelProto, card: Card, folder: Path, name: str) -> None:
    """Put NAME/config.pbtxt and NAME/1/model.onnx into an empty folder. `proto`: a model of format
    1, any precision."""
    model_path(folder, name).parent.mkdir(parents=True)
    onnx.save(batch_first(proto), model_path(folder, name))
    (folder / name / "config.pbtxt").write_text(config_text(card, name), "utf-8")


def model_path(folder: Path, name: str) -> Path:
    """Where a repository's model is: its first version."""
    return folder / name / "1" / "model.onnx"


def model_name(run: Path) -> str:
    """A name for the served model, from the run's folder: letters, digits, - and _, safe in a
    URL."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", run.resolve().name).strip("_") or "ugen"


def batch_first(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose h, c, h_out and c_out are [batch, layers, hidden], by a Transpose at each."""
    out = onnx.ModelProto()
    out.CopyFrom(proto)
    graph = out.graph
    inside = {name: f"{name}_layers_first" for name in (*STATES, *STATES.values())}
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [inside.get(name, name) for name in names]
    enter = [helper.make_node("Transpose", [name], [inside[name]], perm=_TURNED) for name in STATES]
    leave = [
        helper.make_node("Transpose", [inside[name]], [name], perm=_TURNED)
        for name in STATES.values()
    ]
    nodes = [*enter, *graph.node, *leave]
    del graph.node[:]
    graph.node.extend(nodes)
    for value in (*graph.input, *graph.output):
        if value.name in inside:
            dims = value.type.tensor_type.shape.dim
            turned = [
                onnx.TensorShapeProto.Dimension.FromString(dims[k].SerializeToString())
                for k in _TURNED
            ]
            del dims[:]
            dims.extend(turned)
    onnx.checker.check_model(out, full_check=True)
    return out


def config_text(card: Card, name: str) -> str:
    """The model's config.pbtxt: Triton's ModelConfig as text, its choices explained in comments."""
    step, *_ = inputs_of(card.codec.input)
    dims = f"{card.layers}, {card.hidden}"
    return _CONFIG.substitute(
        name=name,
        step=step,
        step_type="TYPE_FP32" if step == "frame" else "TYPE_INT64",
        step_dims=f"1, {card.codec.vocabulary}" if step == "frame" else 1 + len(card.columns),
        vocabulary=card.codec.vocabulary,
        states=",\n".join(
            _STATE.substitute(before=h, after=after, dims=dims) for h, after in STATES.items()
        ),
        metadata="\n".join(
            _parameter(key, text)
            for key, text in card.to_metadata().items()
            if key not in _LEFT_OUT
        ),
    )


def _parameter(key: str, text: str) -> str:
    # a JSON text has no control characters, so that quoting it as JSON again needs only \" and \\:
    # protobuf's too
    quoted = json.dumps(text, ensure_ascii=False)
    return f'parameters {{ key: "{key}" value {{ string_value: {quoted} }} }}'


class Served:
    """A repository's model.onnx as a Runner that turns states: what Triton computes in a step."""

    def __init__(self, file: Path, kind: str):
        ort = onnxruntime()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1  # as config.pbtxt says
        self._session: Any = ort.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = inputs_of(kind)

    def step(self, x: Step, state: State) -> tuple[NDArray[np.float32], State]:
        """One step; states float32 [layers, batch, hidden] as everywhere else."""
        rows = [np.ascontiguousarray(part.transpose(_TURNED)) for part in state]
        logits, h, c = self._session.run(OUTPUTS, dict(zip(self._inputs, (x, *rows), strict=True)))
        return logits, (h.transpose(_TURNED), c.transpose(_TURNED))
