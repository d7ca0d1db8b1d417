"""Search for hyperparameters with GridSearchCV, on two processes.

The network's parameters are set through the pipeline like those of any scikit-learn estimator.
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

network = FromScratchMLPClassifier(
    learning_rate="cosine", batch_size=32, max_iter=15, random_state=0
)
search = GridSearchCV(
    Pipeline([("scale", MinMaxScaler()), ("network", network)]),
    {
        "network__hidden_layer_sizes": [(64,), (128, 64)],
        "network__alpha": [1e-4, 1e-2],
        "network__learning_rate_init": [0.001, 0.003],
    },
    cv=3,
    n_jobs=2,
)
search.fit(X_train, y_train)

results = search.cv_results_
for i in results["rank_test_score"].argsort():
    mean, std = results["mean_test_score"][i], results["std_test_score"][i]
    print(f"{mean:.4f} +- {std:.4f}  {results['params'][i]}")

print(f"Best: {search.best_params_}")
print(f"Test accuracy: {search.score(X_test, y_test):.4f}")
