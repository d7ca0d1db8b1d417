"""MNIST from OpenML through fetch_openml, into a pipeline with the network.

The number of epochs may be given as an argument: ``python examples/mnist_openml.py 3``.

With some releases of pandas, fetch_openml's defaults fail on MNIST, and they need ten times the
memory. The arguments below read every column as bytes, and take labels with or without quotes.
`skdigits.digits.load_mnist` needs no pandas, keeps the arrays for the next time and splits them.
"""

import sys
import warnings

from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import classification_report
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier

X, y = fetch_openml(
    "mnist_784",
    version=1,
    as_frame=False,
    parser="pandas",
    read_csv_kwargs={"dtype": "uint8", "quotechar": "'"},
    return_X_y=True,
)
X_train, X_test, y_train, y_test = X[:60_000], X[60_000:], y[:60_000], y[60_000:]

model = make_pipeline(
    MinMaxScaler(),
    FromScratchMLPClassifier(
        hidden_layer_sizes=(128, 64, 32),
        batch_size=64,
        max_iter=int(sys.argv[1]) if len(sys.argv) > 1 else 10,
        verbose=True,
        random_state=0,
    ),
)
# The loss could still fall after so few epochs.
warnings.simplefilter("ignore", ConvergenceWarning)
model.fit(X_train, y_train)

print(classification_report(y_test, model.predict(X_test), digits=4))
print(f"Test accuracy: {model.score(X_test, y_test):.4f}")
