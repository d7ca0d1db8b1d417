"""Save a fitted pipeline with joblib, load it, and let it learn on.

Load only files that you trust: unpickling can run any code.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier
from skdigits.digits import load_digits_8x8

digits = load_digits_8x8()
network = FromScratchMLPClassifier(
    hidden_layer_sizes=128, learning_rate="cosine", batch_size=32, max_iter=30, random_state=0
)
model = make_pipeline(MinMaxScaler(), network).fit(digits.X_train, digits.y_train)

with TemporaryDirectory() as folder:
    path = Path(folder, "digits.joblib")
    joblib.dump(model, path)
    print(f"{path.name} has {path.stat().st_size / 1e3:.0f} kB")
    loaded = joblib.load(path)

same = np.array_equal(model.predict_proba(digits.X_test), loaded.predict_proba(digits.X_test))
print(f"Same probabilities after loading: {same}")
print(f"Test accuracy: {loaded.score(digits.X_test, digits.y_test):.4f}")

# What was loaded learns on from the weights that it has.
scaler, network = loaded
for _ in range(5):
    network.partial_fit(scaler.transform(digits.X_train), digits.y_train)
accuracy = loaded.score(digits.X_test, digits.y_test)
print(f"Test accuracy after five more epochs: {accuracy:.4f}")
