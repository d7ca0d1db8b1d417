"""What every test and doctest runs under: one BLAS thread, repeatable examples."""

import os

from hypothesis import HealthCheck, settings

# pytest-xdist has a worker for each core, and BLAS reads these only once, when NumPy is imported.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# A busy machine must not fail a test, so nothing here depends on the time.
settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=50,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", settings.get_profile("ci"), derandomize=False, max_examples=1000
)
settings.load_profile("ci")
