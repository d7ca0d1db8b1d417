"""The command line: arguments in; output, one line for an error, and an exit status out."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from . import __version__
from .commands import DATA_SETS, CommandError, evaluate, predict, tell, train
from .digits.recipes import RECIPES, recipe
from .nn.activations import ACTIVATIONS
from .nn.architecture import NORMALIZATIONS
from .nn.optimizers import SOLVERS
from .nn.schedules import SCHEDULES

_MODEL = (
    "file that train saved, or of any classifier with predict_proba whose pixels go from 0 to 255 "
    "(8x8: to 16)"
)
_DESCRIPTION = """\
Train a neural network to read handwritten digits, measure how well it does,
and let it read images of yours.
"""

_EXAMPLES = """\
example:
  skdigits train
  skdigits evaluate digits.joblib
  skdigits predict digits.joblib seven.png four.png

skdigits COMMAND --help says more about each of them.
"""

_TRAIN = """\
Train a multilayer perceptron on handwritten digits, save it as a scikit-learn
pipeline, and print accuracy, precision, recall, F1 and the confusion matrix
on the test images, from which it has learnt nothing.

Each epoch prints loss, training accuracy and time. Ctrl-C ends the training
early: what was learnt until then is saved and measured.
"""

_TRAIN_EXAMPLES = """\
examples:
  skdigits train
  skdigits train --data mnist --hidden 512 256 --dropout 0.2 --output m.joblib
  skdigits train --recipe any_image --output m.joblib
"""

_EVALUATE = """\
Print accuracy, precision, recall and F1 for each digit, and the confusion
matrix, for a saved model on the test images.

Load only models that you trust: a model file can run any code.
"""

_EVALUATE_EXAMPLES = """\
example:
  skdigits evaluate digits.joblib
"""

_PREDICT = """\
Read the digits in each image file: a photograph, a scan or a drawing, of any
size, dark on light or light on dark, with one digit or several. Print its
path, the digits in reading order and their probabilities: three fields,
separated by tabs, the probabilities by spaces.

The digits are found, cut out and given the form of those that the model was
trained on: 28x28 pixels for a model of MNIST, or 8x8 for one of the bundled
digits, which reads far worse. For photographs and drawings, train --recipe
any_image. What is as large as a digit is read as one, letters too, and lines
are read one after the other.

The exit status is 2 where an image can't be read; the others are read all the
same.

Load only models that you trust: a model file can run any code.
"""

_PREDICT_EXAMPLES = """\
examples:
  skdigits predict digits.joblib seven.png four.png
  skdigits predict --json digits.joblib postcode.jpg
  skdigits predict --annotate answer.png digits.joblib postcode.jpg
"""


# Arguments


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "skdigits",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(run: Callable, words: str, description: str, examples: str) -> ArgumentParser:
        """Add a command that is called as its function is."""
        command = commands.add_parser(
            run.__name__,
            help=words,
            description=description,
            epilog=examples,
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run, command=command)
        return command

    _add_train_options(add(train, "train a model and save it", _TRAIN, _TRAIN_EXAMPLES))
    command = add(evaluate, "measure a saved model", _EVALUATE, _EVALUATE_EXAMPLES)
    command.add_argument("model_path", metavar="MODEL", help=_MODEL)
    _add_data_options(command, None, "the one whose images fit the model")
    command = add(predict, "read the digits in image files", _PREDICT, _PREDICT_EXAMPLES)
    command.add_argument("model_path", metavar="MODEL", help=_MODEL)
    command.add_argument("images", metavar="IMAGE", nargs="+", help="PNG or other image file")
    command.add_argument(
        "--json",
        action="store_true",
        help="print an object of JSON for each image, with boxes: top, left, bottom, right; or "
        "with the error, where it can't be read",
    )
    command.add_argument(
        "--annotate",
        metavar="FILE",
        type=Path,
        help="save the image, which must be the only one, with boxes and answers drawn on it",
    )
    return parser


def _parse(argv: Sequence[str] | None) -> tuple[Callable[..., int], dict[str, Any]]:
    """Return a command and what it is called with.

    A recipe among the arguments says what holds where they say nothing else.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    if "recipe" in args:
        parameters = recipe(args.recipe).get_params(deep=False)
        for left_open in ("random_state", "verbose"):
            del parameters[left_open]
        args.command.set_defaults(**parameters, data="mnist")
        args = parser.parse_args(argv)
        del args.recipe
    # The parser's own. Of all the rest, the command must know each by its name.
    del args.command
    options = vars(args)
    return options.pop("run"), options


def _add_train_options(command: ArgumentParser) -> None:
    _add_data_options(command, "digits", "digits")
    command.add_argument(
        "--output",
        metavar="MODEL",
        type=Path,
        default=Path("digits.joblib"),
        help="file for the model (default: %(default)s)",
    )
    command.add_argument(
        "--quiet", dest="verbose", action="store_false", help="no line for each epoch"
    )
    command.add_argument(
        "--recipe",
        choices=RECIPES,
        default=SUPPRESS,
        metavar="NAME",
        help=f"a network for mnist: {', '.join(RECIPES)}, of which any_image is the one for "
        "photographs and drawings; it takes the place of the defaults below, and what is given "
        "besides changes it",
    )
    _add_network_options(command)
    _add_training_options(command)


def _add_data_options(command: ArgumentParser, default: str | None, words: str) -> None:
    command.add_argument(
        "--data",
        choices=DATA_SETS,
        default=default,
        help="digits: 1,797 images of 8x8 pixels, which come with scikit-learn; mnist: 70,000 "
        f"images of 28x28, downloaded from OpenML the first time (default: {words})",
    )
    command.add_argument(
        "--data-home",
        metavar="DIR",
        help="scikit-learn's data folder, where MNIST is kept (default: the environment variable "
        "SCIKIT_LEARN_DATA, else ~/scikit_learn_data)",
    )


def _add_network_options(command: ArgumentParser) -> None:
    group = command.add_argument_group(
        "network", "Parameters of FromScratchMLPClassifier, whose documentation says more."
    )
    group.add_argument(
        "--hidden",
        dest="hidden_layer_sizes",
        type=int,
        nargs="*",
        metavar="UNITS",
        default=[256, 128],
        help="units of each hidden layer (hidden_layer_sizes; default: 256 128)",
    )
    group.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="relu",
        metavar="NAME",
        help=f"{', '.join(ACTIVATIONS)} (default: %(default)s)",
    )
    group.add_argument(
        "--normalization",
        choices=NORMALIZATIONS,
        help="of what the hidden units get from the layer before (default: none)",
    )
    group.add_argument(
        "--dropout",
        type=float,
        default=0.0,
        metavar="X",
        help="share of hidden units that each training step leaves out (default: %(default)s)",
    )


def _add_training_options(command: ArgumentParser) -> None:
    group = command.add_argument_group("training", "More of its parameters.")

    def add_number(flag: str, parameter: str, default: Any, words: str) -> None:
        """Add an option that takes a number of the type of its default."""
        group.add_argument(
            flag,
            dest=parameter,
            type=type(default),
            default=default,
            metavar="N" if isinstance(default, int) else "X",
            help=f"{words} ({parameter}; default: %(default)s)",
        )

    def add_name(flag: str, parameter: str, names: dict, default: str) -> None:
        """Add an option that takes one of some names."""
        words = f"{', '.join(names)} ({parameter}; default: %(default)s)"
        group.add_argument(
            flag, dest=parameter, choices=names, default=default, metavar="NAME", help=words
        )

    # Chosen by cross-validation within the training images of the bundled digits.
    add_name("--solver", "solver", SOLVERS, "adam")
    add_number("--learning-rate", "learning_rate_init", 0.003, "the rate that the schedule scales")
    add_name("--schedule", "learning_rate", SCHEDULES, "cosine")
    add_number("--batch-size", "batch_size", 32, "images in a mini-batch")
    add_number("--epochs", "max_iter", 30, "how often to go through all images, at most")
    add_number("--alpha", "alpha", 1e-4, "strength of the L2 penalty")
    add_number(
        "--label-smoothing",
        "label_smoothing",
        0.1,
        "share of each target that is spread over all digits, which keeps the loss above 0",
    )
    add_number("--seed", "random_state", 0, "seed of weights, shuffles and dropout")
    group.add_argument(
        "--early-stopping",
        action="store_true",
        help="set a tenth of the training images aside, stop once the loss on them has not fallen "
        "for more than ten epochs, and keep the best weights",
    )


# Running


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        # A model may have learnt from a DataFrame; pixels need no names.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        warnings.showwarning = lambda message, *_: tell(f"warning: {message}")
        yield


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those in `sys.argv`.

    Returns
    -------
    status : int
        0, or 2 after an error, 1 where nobody reads the output any more, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        argparse has shown a help text, the version or what is wrong with the arguments.
    """
    try:
        try:
            if isinstance(sys.stdout, TextIOWrapper):
                # A file's name may hold what the terminal can't show.
                sys.stdout.reconfigure(errors="backslashreplace")
            run, options = _parse(argv)
            with _warnings_in_one_line():
                return run(**options)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except (CommandError, MemoryError) as error:
        tell(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        tell("interrupted")
        return 130
    except OSError as error:
        # Python flushes once more when it ends, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            return 1
        tell(f"error: standard output: {error.strerror}")
        return 2
