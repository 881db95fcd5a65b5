"""One network in several runtimes, each made for a process of its own.

Every function takes the network's file, its inputs in the network's order, NumPy arrays of batch 1, and the number of
threads. It returns a function of nothing that runs the network on these inputs, which then lie in the runtime's own
form, and returns the image (1, H, W, C) as a NumPy array.
"""

import numpy as np


def keras_function(file, inputs, threads):
    """The Keras model in a tf.function; `file` is a .keras file."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)  # layers follow one another
    network = _network(file)
    tensors = [tf.constant(x) for x in inputs]
    run = tf.function(lambda x: network(x, training=False))
    return lambda: run(tensors if len(tensors) > 1 else tensors[0]).numpy()


def litert(file, inputs, threads):
    """A .tflite file. Raises `RuntimeError` where a part of it is left to LiteRT's slow reference kernels."""
    from ai_edge_litert.compiled_model import CompiledModel, CpuOptions, Options

    model = CompiledModel.from_file(str(file), options=Options(cpu_options=CpuOptions(num_threads=threads)))
    if not model.is_fully_accelerated():
        raise RuntimeError(f"{file} isn't delegated as a whole")
    ((signature, names),) = model.get_signature_list().items()
    given = {name: model.create_input_buffer_by_name(signature, name) for name in names["inputs"]}
    shapes = {name: detail["shape"] for name, detail in model.get_input_tensor_details(signature).items()}
    for x in inputs:  # the signature has its inputs in an order of its own; no two are of one shape
        (name,) = [name for name, shape in shapes.items() if list(shape) == list(x.shape)]
        given[name].write(np.ascontiguousarray(x))
    (output,) = names["outputs"]
    shape = model.get_output_tensor_details(signature)[output]["shape"]
    buffer = model.create_output_buffer_by_name(signature, output)

    def run():
        model.run_by_name(signature, given, {output: buffer})
        return buffer.read(int(np.prod(shape)), np.float32).reshape(shape)

    return run


def pytorch(file, inputs, threads):
    """The twin of a .keras file in PyTorch, eager, in float32 and PyTorch's own layout, NCHW."""
    import torch

    from tfi2i.benchmark.torch_twin import twin

    torch.set_num_threads(threads)
    network = twin(_network(file))
    tensors = [torch.tensor(x.transpose(0, 3, 1, 2).copy() if x.ndim == 4 else x) for x in inputs]

    @torch.inference_mode()
    def run():
        return network(*tensors).permute(0, 2, 3, 1).numpy()

    return run


def _network(file):
    import keras

    import tfi2i  # noqa: F401  its layers register themselves

    return keras.models.load_model(file, compile=False)
