"""The classifier: scikit-learn's estimator interface around the network and its training.

The way through a fit::

    parameters -> components        X, y, weights -> Samples
              Architecture -> Network -> TrainingState
    Trainer (epochs) <-> Monitor (validation, history, stopping) -> fitted attributes
"""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from . import parameters
from .callbacks import CallbackSupportMixin, Tasks, tasks_of, with_callbacks
from .labels import Labels, flattened, labels_of, labels_of_part
from .nn.network import Network
from .nn.optimizers import SOLVERS
from .prediction import VALID, PredictionMixin, in_numbers
from .scoring import validation_scorer
from .training.batches import in_range_of
from .training.finite import seems_finite
from .training.history import History
from .training.lbfgs import FullBatchTrainer
from .training.loop import Settings, Trainer
from .training.monitor import (
    Monitor,
    minus_objective,
    print_epoch,
    print_obstacle,
    validation_score,
)
from .training.samples import Samples
from .training.state import TrainingState
from .training.stopping import Validation, warn_of_end, warn_of_limit

RECENT_CALLS = 200
"""Calls of `partial_fit` whose figures `history_` keeps."""


def _learns_in_parts(estimator: FromScratchMLPClassifier) -> bool:
    """Whether `partial_fit` makes sense; raises the error that ``hasattr`` turns into False."""
    solver = estimator.solver
    kind = SOLVERS.get(solver) if isinstance(solver, str) else type(solver)
    if not getattr(kind, "incremental", True):
        raise AttributeError(
            f"partial_fit is only available for mini-batch solvers; solver={solver!r} "
            "needs all rows at once."
        )
    return True


class FromScratchMLPClassifier(
    PredictionMixin, CallbackSupportMixin, ClassifierMixin, BaseEstimator
):
    """Multilayer perceptron classifier, trained by its own backpropagation in NumPy.

    A stack of dense layers with nonlinear activations, ``a_k = f_k(a_{k-1} W_k + b_k)``, whose last
    outputs are logits. Training minimises the weighted sum of a loss over mini-batches plus the
    penalty ``alpha * (l1_ratio * |W|_1 + (1 - l1_ratio) / 2 * |W|_2^2)``, both divided by the sum
    of sample weights that a batch of that size has on average.

    Names and meanings are those of `sklearn.neural_network.MLPClassifier` wherever the thing
    is the same. What belongs to one optimizer or one schedule lives on that object; a string names
    it with its defaults.

    Parameters
    ----------
    hidden_layer_sizes : int, sequence of int or HiddenLayers, default=(100,)
        Units of each hidden layer. An empty sequence gives multinomial logistic regression;
        ``HiddenLayers(width=64, n_layers=3)`` is for searches that draw numbers.
    activation : str, object or sequence, default='relu'
        'relu', 'leaky_relu', 'elu', 'selu', 'gelu', 'silu', 'mish', 'softplus', 'tanh', 'logistic'
        (or 'sigmoid'), 'identity', or an object with ``value(z)`` and ``derivative(z, a)``; a
        sequence has one for each hidden layer.
    loss : {'cross_entropy', 'squared_error', 'focal'} or Loss, default='cross_entropy'
        What is minimised; 'squared_error' is half the squared distance of the probabilities from
        the targets, summed over the classes (of a multilabel indicator: yes and no of each label).
    label_smoothing : float in [0, 1), default=0
        The share of each target that is spread evenly over the classes.
    initializer : str or callable, default='auto'
        Initial weights: 'he_normal', 'he_uniform', 'glorot_normal', 'glorot_uniform',
        'lecun_normal', 'lecun_uniform', 'normal', 'orthogonal', 'zeros', or a function
        ``(fan_in, fan_out, rng) -> weights``. 'auto' takes Glorot for the first and the last layer
        and, between them, LeCun behind selu, Glorot behind tanh, logistic and identity, and He
        behind all others; an activation of your own may name another in its attribute
        `initializer`. Biases start at zero.
    normalization : {'batch', 'layer'} or None, default=None
        Normalises what each hidden unit is given, over the batch or over the units of the layer.
        With 'batch' the shift after it takes the place of the bias.
    dropout : float in [0, 1) or sequence, default=0
        The share of hidden units that are dropped in training; a sequence has one for each hidden
        layer. Behind selu it is alpha-dropout.
    input_dropout : float in [0, 1), default=0
        The share of inputs that are dropped in training. Sparse rows stay sparse.
    noise : float in [0, inf), default=0
        Standard deviation of the Gaussian noise that training adds to the inputs and to what each
        hidden unit is given (after the normalisation). It makes batches of sparse rows dense, as
        `augment` does.
    residual : bool, default=False
        Whether each hidden layer has a skip connection, projected where the widths differ.
    solver : str or Optimizer, default='adam'
        'sgd', 'nesterov', 'rmsprop', 'adagrad', 'adam', 'adamw', 'nadam', 'adamax', 'radam',
        'lion', 'lbfgs', or an object such as ``Adam(beta_1=0.95)``. With 'lbfgs', which trains on
        all rows at once, `ema_decay`, `clip_norm` and `max_norm` do nothing, and dropout, noise
        and `augment` are refused, since its line search needs the same loss at the same weights.
    learning_rate_init : float in (0, inf), default=0.001
        The rate that the schedule scales; of 'one_cycle', the highest.
    learning_rate : str, Schedule or callable, default='constant'
        'constant', 'invscaling', 'adaptive', 'step', 'exponential', 'cosine', 'warm_restarts',
        'one_cycle', an object such as ``Cosine(warmup=1)``, or a function ``step -> rate``.
    alpha : float in [0, inf), default=0.0001
        Strength of the penalty on the weights; biases are spared.
    l1_ratio : float in [0, 1], default=0
        The share of the penalty that is on absolute values.
    max_norm : float in (0, inf) or None, default=None
        Cap on the norm of each unit's incoming weights.
    clip_norm : float in (0, inf) or None, default=None
        Cap on the norm of each step's gradient of the loss; the penalty is added after that.
    batch_size : int in [1, inf) or 'auto', default='auto'
        Rows in a mini-batch; 'auto' is ``min(200, n_samples)``. The last one may be shorter.
    max_iter : int in [1, inf), default=200
        The largest number of epochs.
    tol : float in [0, inf), default=1e-4
        The least improvement that counts as progress. With 'lbfgs', training ends where no
        component of the gradient is larger.
    n_iter_no_change : int in [1, inf) or inf, default=10
        Training stops when more than so many epochs in a row brought no progress: of the training
        loss, or of the validation score with `early_stopping`. A planned schedule (cosine,
        warm_restarts, one_cycle) and L-BFGS are not cut off by the training loss.
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new order.
    warm_start : bool, default=False
        Whether `fit` starts from the weights of the fit before.
    verbose : bool or int, default=False
        Whether to print a line per epoch.
    random_state : int, RandomState or None, default=None
        Seeds initial weights, shuffles, the validation split, dropout, noise and `augment`.
    early_stopping : bool, default=False
        Whether to stop by the score on validation data, and keep the weights that scored best.
    validation_fraction : float in (0, 1), default=0.1
        The share of rows that `early_stopping` sets aside where `fit` is given no `X_val`, with the
        same share of each class. Equal rows stay together, unless they make up much of their class
        or have several targets: then each copy is set aside by chance. A class of too few rows is
        in both parts, with a warning.
    scoring : str or callable, default='loss'
        The validation score, greater being better: 'loss' is minus the loss; otherwise the name of
        a scorer or a function ``(estimator, X, y) -> score``, which is given an array X without
        names of columns, and `sample_weight_val` where it has a parameter `sample_weight`.
    class_weight : dict, 'balanced' or None, default=None
        Factors on the sample weights by class; 'balanced' gives each class the same
        total (in `partial_fit`, among the rows of the call). A multilabel indicator allows
        'balanced' alone: rows count by the product of their labels' factors. They count in
        validation, too: in the figures of `history_`, and in the weights that a scorer is given.
    ema_decay : float in [0, 1) or None, default=None
        Predict by a running average of the weights, of which step t keeps this share, but no more
        than ``(1 + t) / (10 + t)``.
    augment : callable or None, default=None
        ``(batch, rng) -> batch``, given a float batch of shape (n_rows, n_features) that it may
        overwrite and a ``numpy.random.Generator``; changes the training batches alone, on a worker
        thread. One with a method ``at(progress)`` is asked for each epoch's function; one with an
        attribute `prepare`, ``batch -> batch``, has it applied to all rows in prediction.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels, or the columns of a multilabel indicator.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        The weights of each layer, as views.
    intercepts_ : list of ndarray of shape (fan_out,)
        The biases of each layer, as views.
    history_ : dict of str to list of float
        Figures of each epoch: loss, accuracy, penalty (at its end; the loss is without),
        learning_rate (of its last step), gradient_norm (of the loss, before it is clipped; the mean
        of up to eight steps), seconds (without validation), and with validation data
        validation_loss, validation_accuracy and validation_score.
    loss_curve_ : list of float
        The mean data loss over each epoch's samples.
    validation_scores_ : list of float or None
        The validation score of each epoch.
    loss_, best_loss_ : float or None
        The last and the least of `loss_curve_`; with `early_stopping` `best_loss_` is None.
    best_validation_score_ : float or None
        The greatest of `validation_scores_`.
    n_iter_ : int
        Epochs of the last call to `fit` or `partial_fit`.
    t_ : int
        Training rows seen so far.
    n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_
        As in `sklearn.neural_network.MLPClassifier`.

    See Also
    --------
    sklearn.neural_network.MLPClassifier : The classifier whose parameters these follow.

    References
    ----------
    Rumelhart, Hinton and Williams (1986), Learning representations by back-propagating errors.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> X, y = load_digits(return_X_y=True)
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    >>> clf = FromScratchMLPClassifier(
    ...     hidden_layer_sizes=64, learning_rate="one_cycle", learning_rate_init=0.01, max_iter=20,
    ...     random_state=0,
    ... )
    >>> make_pipeline(MinMaxScaler(), clf).fit(X_train, y_train).score(X_test, y_test) > 0.95
    True
    """

    _doc_link_module = "skdigits"
    _doc_link_template = (
        "https://skdigits.readthedocs.io/en/stable/api/skdigits.{estimator_name}.html"
    )

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        loss: Any = "cross_entropy",
        label_smoothing: float = 0.0,
        initializer: Any = "auto",
        normalization: str | None = None,
        dropout: Any = 0.0,
        input_dropout: float = 0.0,
        noise: float = 0.0,
        residual: bool = False,
        solver: Any = "adam",
        learning_rate_init: float = 0.001,
        learning_rate: Any = "constant",
        alpha: float = 0.0001,
        l1_ratio: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        batch_size: Any = "auto",
        max_iter: int = 200,
        tol: float = 1e-4,
        n_iter_no_change: float = 10,
        shuffle: bool = True,
        warm_start: bool = False,
        verbose: bool | int = False,
        random_state: Any = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        scoring: Any = "loss",
        class_weight: Any = None,
        ema_decay: float | None = None,
        augment: Any = None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.initializer = initializer
        self.normalization = normalization
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.noise = noise
        self.residual = residual
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.scoring = scoring
        self.class_weight = class_weight
        self.ema_decay = ema_decay
        self.augment = augment

    # Training

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> FromScratchMLPClassifier:
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows of any number type. An array (but of longdouble) or a CSR matrix is never copied or
            cast as a whole, unless by L-BFGS, which takes all rows at once.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Class labels of any kind, or a multilabel indicator.
        sample_weight : array-like of shape (n_samples,), optional
            A weight of 2 means the row twice, 0 means no row.
        X_val, y_val, sample_weight_val : optional
            Validation data of your own, of the kinds and shapes of X, y and sample_weight: recorded
            in `history_`, and used by `early_stopping`.

        Returns
        -------
        self : FromScratchMLPClassifier

        Raises
        ------
        ValueError
            A parameter, the data or the weights are not as described.

        Warns
        -----
        ConvergenceWarning
            Training diverged, or reached `max_iter` or L-BFGS its `max_fun`, or L-BFGS found no way
            down.
        UserWarning
            Ctrl-C ended it, `batch_size` exceeds the rows, or a class has too few rows to be split.
        """
        parameters.check_parameters(self)
        given = {"X": X, "y": y, "metadata": {}}
        if sample_weight is not None:
            given["metadata"] = {"sample_weight": sample_weight}
        fresh = not (self.warm_start and hasattr(self, "_state"))
        X, y = self._check_data(X, y, reset=fresh)
        labels = labels_of(y)
        if not fresh:
            self._labels.check_same(labels)
        samples = self._samples(labels, X, y, sample_weight)
        validation = self._validation_samples(labels, X_val, y_val, sample_weight_val)
        self._prepare(labels, samples, fresh)
        if self.early_stopping and validation is None:
            samples, validation = samples.split(self.validation_fraction, self._state.split_seed)
        settings = parameters.settings(self, len(samples))
        # A fit starts from what predicts, also where `partial_fit` has left an average of others.
        self._state.settle()
        self._state.restart_optimizer(settings.solver)
        tasks = tasks_of(self, self.max_iter, given)
        if self.verbose and settings.solver.incremental:
            print_obstacle()
        try:
            ran_out = self._train(samples, validation, settings, self.max_iter, tasks)
        finally:
            self._state.settle()
            self._state.forget_optimizer()
        tasks.end(lambda: self._fitted(self.n_iter_))
        if ran_out and not settings.planned:
            warn_of_limit(self.n_iter_, self.max_iter)
        return self

    @available_if(_learns_in_parts)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> FromScratchMLPClassifier:
        """Train for one epoch on these rows, going on from the call before.

        After `fit` it goes on from the weights, and begins the optimizer and its schedule anew.
        `history_` and `loss_curve_` keep the last 200 epochs. A schedule that is planned to its end
        gets there after `max_iter` calls.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            May lack some of the classes.
        classes : array-like of shape (n_classes,), optional
            All classes; required on the first call unless y is a multilabel indicator.
        sample_weight : array-like of shape (n_samples,), optional
            As for `fit`. These and class weights count in comparison with other rows of the call.

        Returns
        -------
        self : FromScratchMLPClassifier

        Raises
        ------
        ValueError
            A parameter, the data or the weights are not as described; the classes are missing,
            differ from those of the first call, or do not hold all of y.

        Warns
        -----
        ConvergenceWarning
            Training diverged, or the schedule has come to its end.
        UserWarning
            Ctrl-C ended it, or `batch_size` exceeds the rows.
        """
        parameters.check_parameters(self)
        fresh = not hasattr(self, "_state")
        X, y = self._check_data(X, y, reset=fresh)
        labels = labels_of_part(y, classes, None if fresh else self._labels)
        samples = self._samples(labels, X, y, sample_weight)
        self._prepare(labels, samples, fresh)
        settings = parameters.settings(self, len(samples))
        self._state.resume_optimizer(settings.solver, settings.schedule)
        if settings.is_over(self._state.n_epochs):
            warn_of_end(self._state.n_epochs, self.max_iter)
        # A stream may have no end, but a saved model should not grow with it.
        self.history_.keep_last(RECENT_CALLS - 1)
        self._train(samples, None, settings, 1, Tasks())
        return self

    def _check_data(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        # To add up all numbers, as scikit-learn does to find that out, takes three times as long.
        finite = seems_finite(X)
        X, y = validate_data(
            self, X, y, **VALID, ensure_all_finite=not finite, multi_output=True, reset=reset
        )
        X = in_numbers(X)
        if X.dtype == np.longdouble:
            with in_range_of(np.dtype(np.float64)):
                X = X.astype(np.float64)
        return X, flattened(y)

    def _samples(self, labels: Labels, X: Any, y: Any, sample_weight: ArrayLike | None) -> Samples:
        """Return the rows that count, as the trainer takes them."""
        return Samples.of(X, *labels.targets_and_weights(y, sample_weight, self.class_weight))

    def _validation_samples(
        self, labels: Labels, X_val: Any, y_val: Any, sample_weight_val: ArrayLike | None
    ) -> Samples | None:
        if (X_val is None) != (y_val is None) or (X_val is None and sample_weight_val is not None):
            raise ValueError(
                "X_val and y_val must be passed together or not at all, and sample_weight_val only "
                "with them."
            )
        if X_val is None:
            return None
        try:
            X_val, y_val = self._check_data(X_val, y_val, reset=False)
            return self._samples(labels, X_val, y_val, sample_weight_val)
        except ValueError as error:
            raise ValueError(f"In X_val, y_val and sample_weight_val: {error}") from error

    def _prepare(self, labels: Labels, samples: Samples, fresh: bool) -> None:
        """Make the network, or carry on with its parameters in the shape that is asked for."""
        chain = parameters.chain(self, self.n_features_in_, labels.n_outputs)
        objective = parameters.objective(self, labels.output)
        if fresh:
            network = Network(chain, objective, np.result_type(samples.X.dtype, np.float32))
            rng = check_random_state(self.random_state)
            seeds = np.random.SeedSequence(rng.randint(2**32, size=4, dtype=np.uint32).tolist())
            self._state = TrainingState(network, seeds)
            self.history_ = History()
        else:
            self._state.rebuild(chain, objective)
        # Not before: where the network cannot be made, the old one keeps its labels.
        self._labels = labels
        self.classes_ = labels.classes
        self.n_outputs_ = labels.n_outputs
        self.out_activation_ = labels.output.name

    def _train(
        self,
        samples: Samples,
        validation_rows: Samples | None,
        settings: Settings,
        epochs: int,
        tasks: Tasks,
    ) -> bool:
        """Run the epochs and set what they leave behind; return whether they ran out."""
        self._state.begin_average(self.ema_decay if settings.solver.incremental else None)
        validation = self._validation(validation_rows)
        stops_by = validation if self.early_stopping else None
        if stops_by is not None and self._state.samples_seen:
            # The weights of the fit before may stay the best.
            stops_by.score()
        may_stall = stops_by is not None or settings.stops_on_plateau
        self._state.plateau.expect(
            tol=settings.tol, patience=self.n_iter_no_change if may_stall else np.inf
        )
        monitor = Monitor(
            state=self._state,
            schedule=settings.schedule,
            history=self.history_,
            progress=minus_objective if stops_by is None else validation_score,
            validation=validation,
            report=print_epoch if self.verbose else None,
            listener=lambda n_epochs: tasks.end_epoch(partial(self._fitted, n_epochs)),
        )
        trainer_type = Trainer if settings.solver.incremental else FullBatchTrainer
        trainer = trainer_type(
            self._state, samples, settings, monitor.end_of_epoch, tasks.begin_epoch
        )
        try:
            trainer.train(epochs)
        finally:
            self._set_figures(monitor.n_epochs)
        if stops_by is not None:
            stops_by.restore_best()
        return trainer.ran_out

    def _validation(self, rows: Samples | None) -> Validation | None:
        """Return what scores the network that predicts, if there are rows to validate."""
        if rows is None:
            return None
        scorer = validation_scorer(self, self._network, self._labels, rows)
        return Validation(self._network, scorer)

    def _set_figures(self, n_epochs: int) -> None:
        """Set the fitted attributes that tell of the training, with scikit-learn's names."""
        losses = self.history_.setdefault("loss", [])
        scores = self.history_.get("validation_score")
        stopped_by_score = self.early_stopping and scores is not None
        self.n_iter_ = n_epochs
        self.n_layers_ = len(parameters.hidden_sizes(self.hidden_layer_sizes)) + 2
        self.t_ = self._state.samples_seen
        self.loss_curve_ = losses
        self.loss_ = losses[-1] if losses else np.nan
        self.best_loss_ = None if stopped_by_score else min(losses, default=np.inf)
        self.validation_scores_ = scores
        self.best_validation_score_ = (
            None if scores is None else float(np.nanmax([-np.inf, *scores]))
        )

    def _fitted(self, n_epochs: int) -> dict[str, Any]:
        """Return the attributes of a classifier that is fitted as this one is now."""
        fitted = copy.copy(self)
        fitted._state = self._state.frozen()
        fitted.history_ = copy.deepcopy(self.history_)
        fitted._set_figures(n_epochs)
        return fitted.__dict__

    # scikit-learn's protocols

    def set_params(self, **params: Any) -> FromScratchMLPClassifier:
        """Set parameters, also those of nested objects such as ``solver__beta_1``.

        Raises
        ------
        ValueError
            A nested parameter is set on what has none, such as a name; the message says what to
            pass instead.
        """
        parameters.check_nested(self.get_params(deep=False) | params)
        return super().set_params(**params)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags
