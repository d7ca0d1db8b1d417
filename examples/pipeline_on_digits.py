"""A scaler and the network in a pipeline: the 8 x 8 digits that come with scikit-learn.

FromScratchMLPClassifier takes MLPClassifier's place as it is; label smoothing and the cosine
schedule are what scikit-learn's own does not have.
"""

from sklearn.datasets import load_digits
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

model = make_pipeline(
    MinMaxScaler(),
    FromScratchMLPClassifier(
        hidden_layer_sizes=(256, 128),
        label_smoothing=0.1,
        learning_rate_init=0.003,
        learning_rate="cosine",
        batch_size=32,
        max_iter=30,
        random_state=0,
    ),
)
model.fit(X_train, y_train)

network = model[-1]
for epoch in range(0, network.n_iter_, 5):
    loss, accuracy = network.history_["loss"][epoch], network.history_["accuracy"][epoch]
    print(f"epoch {epoch + 1:2}  loss {loss:.4f}  training accuracy {accuracy:.4f}")

print(classification_report(y_test, model.predict(X_test)))
print(f"Test accuracy: {model.score(X_test, y_test):.4f}")
