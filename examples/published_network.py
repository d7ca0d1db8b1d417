"""A network from a tutorial as it was published, and the same network trained better.

They were made for MNIST; here they read the small digits that come with scikit-learn, so nothing is
downloaded. What both reach on MNIST is in docs/published.md.
"""

import warnings

from sklearn.exceptions import ConvergenceWarning

from skdigits.digits import RandomAffine, load_digits_8x8
from skdigits.digits.published import improved_network, published_network

digits = load_digits_8x8()
X_train, X_test = digits.X_train / 16, digits.X_test / 16

# A published number of epochs is kept, though the loss could still fall.
warnings.simplefilter("ignore", ConvergenceWarning)

published = published_network("mini_batches", random_state=0)
published.fit(X_train, digits.y_train)
print(f"As published: {published.score(X_test, digits.y_test):.4f}")

# The recipe's own augmentation is for 28 x 28 pixels.
nudge = RandomAffine(rotation=8, scale=0.1, shear=0.1, shift=0.5, image_shape=digits.image_shape)
improved = improved_network("mini_batches", augment=nudge, random_state=0)
improved.fit(X_train, digits.y_train)
print(f"Test accuracy: {improved.score(X_test, digits.y_test):.4f}")
