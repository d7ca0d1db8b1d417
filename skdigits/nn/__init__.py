"""The mathematics of a multilayer perceptron: layers, losses, optimizers and schedules on NumPy.

Nothing here knows classifiers, data sets or training loops::

    inputs -> Dense -> Activation -> ... -> Dense -> logits -> Objective -> loss
    gradient <- backward <- backward <- ... <- backward <- d_logits
"""
