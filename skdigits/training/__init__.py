"""The way of a mini-batch: from rows of X to updated parameters, and when to stop.

The flow of a training::

    Samples -> batches -> Network.loss_and_gradient -> Optimizer.update     (each step)
    loss, validation -> history, stopping, best weights                     (each epoch)
"""
