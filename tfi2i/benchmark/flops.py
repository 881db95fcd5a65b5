"""The floating-point operations of a TensorFlow graph: those of its convolutions and matrix products."""

import math


def flops(function, batch):
    """Multiplications and additions of one call, of what its outputs and side effects need.

    A gradient's convolution costs what the forward one does: a product for each value of the strided side, each tap and
    each channel of the other side. What lies in a branch or a loop isn't counted: a step has only small things there.

    Args:
        function: tf.types.experimental.ConcreteFunction.
        batch: what a first dimension is that the graph doesn't tell, as of images that come from a pool.

    Raises: `ValueError` for an operation whose other dimensions the graph doesn't tell.
    """
    graph = function.graph
    kept = {op.name: op for op in (*graph.control_outputs, *(tensor.op for tensor in graph.outputs))}
    todo, total = list(kept.values()), 0
    while todo:
        op = todo.pop()
        total += COUNTS[op.type](op, batch) if op.type in COUNTS else 0
        for other in (*(tensor.op for tensor in op.inputs), *op.control_inputs):
            if other.name not in kept:
                kept[other.name] = other
                todo.append(other)
    return total


def _shape(op, tensor, batch):
    known = tensor.shape.as_list() if tensor.shape.rank is not None else [None, None]
    if None in known[1:]:
        raise ValueError(f"the shapes of {op.name}, {op.type}, must be known. Received: {tensor.shape}")
    return [batch if n is None else n for n in known]


def _convolution(strided, kernel):
    """Of an operation that has the strided side's image and the kernel, (h, w, in, out), at these tensors."""

    def count(op, batch):
        return 2 * math.prod(_shape(op, strided(op), batch)) * math.prod(_shape(op, kernel(op), batch)[:-1])

    return count


def _matrices(op, batch):
    transposed = op.get_attr("transpose_a" if op.type == "MatMul" else "adj_x")
    inner = _shape(op, op.inputs[0], batch)[-2 if transposed else -1]
    return 2 * math.prod(_shape(op, op.outputs[0], batch)) * inner


# Inputs: Conv2D (image, kernel), Conv2DBackpropInput (shape, kernel, gradient), ...Filter (image, shape, gradient).
COUNTS = {
    "Conv2D": _convolution(lambda op: op.outputs[0], lambda op: op.inputs[1]),
    "Conv2DBackpropInput": _convolution(lambda op: op.inputs[2], lambda op: op.inputs[1]),
    "Conv2DBackpropFilter": _convolution(lambda op: op.inputs[2], lambda op: op.outputs[0]),
    "MatMul": _matrices,
    "BatchMatMulV2": _matrices,
}
