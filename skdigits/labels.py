"""Labels of any kind in, targets for the network out; logits in, labels out.

================================  =======================  =============================
labels y                          targets                  output of the network
================================  =======================  =============================
two classes                       indices 0 and 1          one logit, sigmoid
one class, or more than two       indices 0, 1, 2, ...     a logit per class, softmax
multilabel indicator, k columns   the indicator            k logits, sigmoid
================================  =======================  =============================
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, column_or_1d

from skdigits.nn.losses import Sigmoid, Softmax

from .component import NON_NEGATIVE


class Labels:
    """What the outputs of the network stand for.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels in sorted order, or the columns of an indicator.

    Attributes
    ----------
    output : Softmax or Sigmoid
        How logits become probabilities.
    n_outputs : int
        Logits of a row.
    """

    output: Softmax | Sigmoid

    def __init__(self, classes: NDArray):
        self.classes = classes
        self.n_outputs = len(classes)

    def check_same(self, labels: Labels) -> None:
        """Refuse to go on with other classes than these.

        Parameters
        ----------
        labels : Labels
            Those of the next fit.

        Raises
        ------
        ValueError
            Their classes differ, or one kind is exclusive and the other is not.
        """
        if not np.array_equal(labels.classes, self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes}, `y` has {labels.classes}"
            )
        if type(labels) is not type(self):
            raise ValueError(
                "warm_start can only be used where `y` is of the same kind as in the previous call "
                f"to fit. That was {type(self).__name__}, `y` is {type(labels).__name__}"
            )

    def encode(self, y: Any) -> NDArray:
        """Return the targets that labels stand for.

        Parameters
        ----------
        y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels)

        Returns
        -------
        targets : ndarray of shape (n_rows,) or (n_rows, n_labels)

        Raises
        ------
        ValueError
            y holds something else than these labels, or has another shape.
        """
        raise NotImplementedError

    def restore(self, targets: NDArray) -> NDArray:
        """Return the labels that targets stand for."""
        raise NotImplementedError

    def weigh(self, class_weight: Any, targets: NDArray, weights: NDArray) -> NDArray:
        """Multiply sample weights by the weights of each row's classes.

        Parameters
        ----------
        class_weight : dict or 'balanced'
        targets : ndarray of shape (n_rows,) or (n_rows, n_labels)
        weights : ndarray of shape (n_rows,)

        Returns
        -------
        weights : ndarray of shape (n_rows,)

        Raises
        ------
        ValueError
            The class weights do not suit the labels.
        """
        raise NotImplementedError

    def targets_and_weights(
        self, y: Any, sample_weight: ArrayLike | None, class_weight: Any
    ) -> tuple[NDArray, NDArray | None]:
        """Encode labels, and multiply the rows' own weights by those of their classes.

        Parameters
        ----------
        y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels)
        sample_weight : array-like of shape (n_rows,) or None
        class_weight : None, dict or 'balanced'

        Returns
        -------
        targets : ndarray of shape (n_rows,) or (n_rows, n_labels)
        weights : ndarray of shape (n_rows,) or None
            None means 1 throughout.

        Raises
        ------
        ValueError
            There are unknown labels, or weights that are negative, not finite or zero throughout.
        """
        targets = self.encode(y)
        if sample_weight is None and class_weight is None:
            return targets, None
        weights = np.ones(len(targets))
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, y, dtype=np.float64, ensure_non_negative=True
            )
        if class_weight is not None and weights.any():
            weights = self.weigh(class_weight, targets, weights)
        if not weights.any():
            raise ValueError("All sample weights are zero: there is nothing to learn from.")
        return targets, weights

    def decode(self, logits: NDArray) -> NDArray:
        """Return the most probable labels of each row."""
        raise NotImplementedError

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return the probability of each class, of shape (n_rows, n_classes)."""
        return self.output.probabilities(logits)

    def log_probabilities(self, logits: NDArray) -> NDArray:
        """Return the logarithm of `probabilities`, exact where they underflow."""
        return self.output.log_probabilities(logits)

    def decision(self, logits: NDArray) -> NDArray:
        """Return the logits in scikit-learn's shape for a decision function."""
        return logits


class ExclusiveClasses(Labels):
    """Each row belongs to exactly one class.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The distinct labels in sorted order: strings, bools or numbers.

    Examples
    --------
    >>> labels = ExclusiveClasses(np.array(["a", "b", "c"]))
    >>> labels.encode(np.array(["c", "a"]))
    array([2, 0])
    >>> labels.decode(np.array([[0.3, 2.0, -1.0]]))
    array(['b'], dtype='<U1')
    """

    output: Softmax | Sigmoid = Softmax()

    def encode(self, y: NDArray) -> NDArray:
        """Return the index of each label in `classes`."""
        if y.ndim != 1:
            raise ValueError(f"y of shape {y.shape} must hold one label per row.")
        if (y.dtype.kind in "US") != (self.classes.dtype.kind in "US"):
            # NumPy may otherwise compare numbers with strings as if they were strings.
            y = y.astype(object)
        seen = np.isin(y, self.classes)
        if not seen.all():
            # Labels of several types cannot be sorted.
            unknown = list(dict.fromkeys(y[~seen].tolist()))
            raise ValueError(
                f"`y` has classes not in `classes_`: {unknown} not among {self.classes}."
            )
        return np.searchsorted(self.classes, y)

    def decode(self, logits: NDArray) -> NDArray:
        """Return the most probable class of each row."""
        return self.classes[logits.argmax(axis=1)]

    def restore(self, targets: NDArray) -> NDArray:
        """Return the labels that targets stand for."""
        return self.classes[targets]

    def decision(self, logits: NDArray) -> NDArray:
        """Return the logits of each row less what makes them logarithms of probabilities.

        So that those of a class can be compared between rows: softmax leaves a number that is added
        to all of a row's logits open.
        """
        return self.log_probabilities(logits)

    def weigh(self, class_weight: Any, targets: NDArray, weights: NDArray) -> NDArray:
        """Multiply sample weights by the weight of each row's class.

        'balanced' is ``sum(weights) / (n_classes * sum of the class's weights)``.
        """
        if class_weight == "balanced":
            return weights * _balanced(targets, weights)
        return weights * self._factors(class_weight)[targets]

    def _factors(self, class_weight: dict[Any, float]) -> NDArray:
        """Return the factor of each class; a class that is not in the dict counts as it is.

        Labels of no class may be there where all classes are, as in a fold that lacks some.
        """
        known = self.classes.tolist()
        complete = all(label in class_weight for label in known)
        for label, weight in class_weight.items():
            if not (complete or label in known) or weight not in NON_NEGATIVE:
                raise ValueError(
                    f"class_weight={class_weight!r} must map labels among {known} to weights that "
                    f"are finite and not negative; {label!r}: {weight!r} does not."
                )
        return np.array([class_weight.get(label, 1.0) for label in known])


class TwoClasses(ExclusiveClasses):
    """Each row belongs to one of two classes; a single logit speaks for the second.

    Examples
    --------
    >>> labels = TwoClasses(np.array([False, True]))
    >>> labels.probabilities(np.array([[0.0]]))
    array([[0.5, 0.5]])
    """

    output = Sigmoid()

    def __init__(self, classes: NDArray):
        super().__init__(classes)
        self.n_outputs = 1

    def decode(self, logits: NDArray) -> NDArray:
        """Return the second class where its logit is positive."""
        return self.classes[(logits[:, 0] > 0).astype(np.intp)]

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return the probability of each class, of shape (n_rows, 2)."""
        return self.output.probabilities(np.hstack([-logits, logits]))

    def log_probabilities(self, logits: NDArray) -> NDArray:
        """Return the logarithm of `probabilities`, exact where they underflow."""
        return self.output.log_probabilities(np.hstack([-logits, logits]))

    def decision(self, logits: NDArray) -> NDArray:
        """Return the logit of the second class, of shape (n_rows,)."""
        return logits[:, 0]


class Multilabel(Labels):
    """Each row has any number of the labels; y is an indicator matrix.

    Examples
    --------
    >>> labels = Multilabel(np.arange(3))
    >>> labels.decode(np.array([[0.3, 2.0, -1.0]]))
    array([[1, 1, 0]])
    """

    output = Sigmoid()

    def encode(self, y: Any) -> NDArray:
        """Return the indicator as bytes."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(
                f"y of shape {y.shape} is not a multilabel indicator of {self.n_outputs} columns."
            )
        if not isinstance(y, np.ndarray):
            y = y.tocsr(copy=True)
            y.sum_duplicates()
        numbers = y if isinstance(y, np.ndarray) else y.data
        other = (numbers != 0) & (numbers != 1)
        if other.any():
            raise ValueError(
                "y is a multilabel indicator with other numbers than 0 and 1, such as "
                f"{numbers[other][0]!r}."
            )
        found = y.astype(np.uint8)
        return found if isinstance(found, np.ndarray) else found.toarray()

    def decode(self, logits: NDArray) -> NDArray:
        """Return the indicator of the labels whose logits are positive."""
        return (logits > 0).astype(int)

    def restore(self, targets: NDArray) -> NDArray:
        """Return the indicator that the targets are."""
        return targets.astype(int)

    def weigh(self, class_weight: Any, targets: NDArray, weights: NDArray) -> NDArray:
        """Multiply sample weights by the product over the labels of each one's balanced weight.

        Their sum stays. A dict has no meaning where rows have any number of labels.
        """
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight={class_weight!r} is not allowed with a multilabel indicator; "
                "it must be None or 'balanced'."
            )
        counted = weights > 0
        # The product of the factors of many labels would underflow.
        logs = sum(np.log(_balanced(y, weights[counted])) for y in targets[counted].T)
        factors = np.zeros(len(targets))
        factors[counted] = np.exp(logs - np.max(logs))
        weighed = weights * factors
        return weighed * (weights.sum() / weighed.sum())


def _balanced(targets: NDArray, weights: NDArray) -> NDArray:
    """Return for each row the factor that gives all present classes the same total weight."""
    totals = np.bincount(targets, weights)
    shares = np.divide(totals.sum(), totals, out=np.zeros_like(totals), where=totals > 0)
    return shares[targets] / np.count_nonzero(totals)


def flattened(y: Any) -> Any:
    """Return a single column of labels as a vector, with scikit-learn's warning.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels)

    Returns
    -------
    y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels > 1)

    Warns
    -----
    DataConversionWarning
        There is a single column.
    """
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def labels_of(y: Any, classes: ArrayLike | None = None) -> Labels:
    """Return the kind of labels that y holds.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels)
    classes : array-like, optional
        All classes, where y may lack some.

    Returns
    -------
    labels : Labels

    Raises
    ------
    ValueError
        y holds no class labels, such as fractions, or several multiclass outputs.

    Examples
    --------
    >>> labels_of(np.array([3, 1, 4, 1])).classes
    array([1, 3, 4])
    """
    kind = type_of_target(y, input_name="y")
    if kind == "multilabel-indicator":
        return Multilabel(np.arange(y.shape[1]))
    if kind not in ("binary", "multiclass"):
        check_classification_targets(y)
        raise ValueError(
            "y holds several multiclass outputs, which is not supported; it must be one label per "
            "row or a multilabel indicator. sklearn.multioutput.MultiOutputClassifier fits one "
            "classifier per output."
        )
    distinct = np.unique(y if classes is None else np.asarray(classes))
    return TwoClasses(distinct) if len(distinct) == 2 else ExclusiveClasses(distinct)


def labels_of_part(y: Any, classes: ArrayLike | None, known: Labels | None) -> Labels:
    """Return the labels of one part of the rows, which may lack some of the classes.

    Parameters
    ----------
    y : ndarray or sparse matrix of shape (n_rows,) or (n_rows, n_labels)
    classes : array-like or None
        All classes; needed for the first part, unless y is a multilabel indicator, whose classes
        are the numbers of its columns.
    known : Labels or None
        Those of the parts before.

    Returns
    -------
    labels : Labels

    Raises
    ------
    ValueError
        The classes are missing for the first part, or differ from the known ones or from the
        columns of an indicator.

    Examples
    --------
    >>> labels_of_part(np.array([3, 3]), [1, 3], None).classes
    array([1, 3])
    """
    if known is None and classes is None and y.ndim == 1:
        raise ValueError("classes must be passed on the first call to partial_fit.")
    if classes is not None and np.ndim(classes) != 1:
        raise ValueError(f"classes={classes!r} is not allowed; it must be a sequence of labels.")
    labels = labels_of(y, classes) if known is None else known
    if classes is not None and not np.array_equal(np.unique(np.asarray(classes)), labels.classes):
        raise ValueError(
            f"classes={classes!r} differ from {labels.classes}, which are those of the call before "
            "or the columns of y."
        )
    return labels
