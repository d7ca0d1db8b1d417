"""The command line: real models, and every error in one line."""

import importlib.util
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest
from command_line import as_mnist, command, error_of, run, surroundings, write_image
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier, __version__
from skdigits.cli import main
from skdigits.commands import train
from skdigits.digits import DigitImages, load_digits_8x8
from skdigits.digits.recipes import recipe

COMMANDS = ("train", "evaluate", "predict")
MNIST = "openml/openml.org/data/v1/download/52667/mnist_784"


def report_in(output):
    """The part of the output that evaluate prints as well."""
    return re.search(r"Accuracy on .*?(?=\n\nModel saved|\Z)", output, re.DOTALL)[0].strip()


def confusions_in(output):
    """The confusion matrix as an array."""
    lines = output[output.index("Confusion matrix") :].splitlines()[3:13]
    rows = [line.replace(".", "0").split() for line in lines]
    assert [row[0] for row in rows] == list("0123456789")
    return np.array([row[1:] for row in rows], dtype=int)


# From training to prediction


def test_training_with_defaults(trained, digits):
    folder, answer = trained
    assert answer.stderr == ""
    assert answer.returncode == 0
    assert [path.name for path in folder.iterdir()] == ["digits.joblib"]

    number = r"(\d+\.\d+)"
    line = rf"Iteration (\d+), loss = {number}, accuracy = {number}, {number} s"
    epochs = re.findall(line, answer.stdout)
    assert [int(epoch) for epoch, *_ in epochs] == list(range(1, 31))
    assert float(epochs[-1][1]) < float(epochs[0][1])

    model = joblib.load(folder / "digits.joblib")
    assert type(model) is Pipeline
    assert isinstance(model[-1], FromScratchMLPClassifier)
    accuracy = model.score(digits.X_test, digits.y_test)
    assert f"Accuracy on 360 test images: {accuracy:.2%}\n" in answer.stdout
    assert accuracy >= 0.97


def test_the_report_agrees_with_itself_and_the_model(trained, digits):
    folder, answer = trained
    counts = confusions_in(answer.stdout)
    predicted = joblib.load(folder / "digits.joblib").predict(digits.X_test)
    expected = np.zeros((10, 10), dtype=int)
    np.add.at(expected, (digits.y_test, predicted), 1)
    np.testing.assert_array_equal(counts, expected)

    right, n_true, n_predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
    columns = np.column_stack(
        [right / n_predicted, right / n_true, 2 * right / (n_predicted + n_true), n_true]
    )
    table = re.findall(r"^ +(\d)((?: +\d\.\d{4}){3} +\d+)$", answer.stdout, re.MULTILINE)
    assert [digit for digit, _ in table] == list("0123456789")
    figures = np.array([row.split() for _, row in table], dtype=float)
    np.testing.assert_allclose(figures, columns, atol=5.001e-5)


def test_evaluate_prints_the_report_of_train(trained):
    folder, training = trained
    answer = run("evaluate", "digits.joblib", folder=folder)
    assert (answer.stderr, answer.returncode) == ("", 0)
    assert answer.stdout.strip() == report_in(training.stdout)


def test_options_set_the_parameters_of_the_classifier(tmp_path, capsys):
    options = (
        "--hidden 9 8 --activation tanh --normalization layer --dropout 0.25 --solver nadam "
        "--learning-rate 0.01 --schedule one_cycle --batch-size 100 --epochs 2 --alpha 0.5 "
        "--label-smoothing 0.2 --seed 3 --early-stopping --quiet"
    )
    path = tmp_path / "model.joblib"
    assert main(["train", "--output", str(path), *options.split()]) == 0
    expected = FromScratchMLPClassifier(
        hidden_layer_sizes=[9, 8],
        activation="tanh",
        normalization="layer",
        dropout=0.25,
        solver="nadam",
        learning_rate_init=0.01,
        learning_rate="one_cycle",
        batch_size=100,
        max_iter=2,
        alpha=0.5,
        label_smoothing=0.2,
        random_state=3,
        early_stopping=True,
    )
    assert joblib.load(path)[-1].get_params() == expected.get_params()
    captured = capsys.readouterr()
    assert captured.out.startswith("Accuracy on 360 test images")
    assert captured.err == ""


def test_an_option_that_is_no_parameter_is_not_dropped(tmp_path):
    with pytest.raises(TypeError, match="colour"):
        train(tmp_path / "model.joblib", "digits", colour="red")


def test_no_hidden_layer_and_lbfgs(tmp_path, capsys):
    path = tmp_path / "model.joblib"
    options = ["--hidden", "--solver", "lbfgs", "--epochs", "20", "--label-smoothing", "0"]
    assert main(["train", "--output", str(path), *options]) == 0
    assert len(joblib.load(path)[-1].coefs_) == 1
    accuracy = float(re.search(r"images: (.*)%", capsys.readouterr().out)[1])
    assert accuracy > 90


def test_mnist_sized_data_in_a_data_home(digits, tmp_path, capsys):
    rows = np.arange(70_000) % len(digits.X_train)
    home, path = tmp_path / "home", str(tmp_path / "model.joblib")
    parsed = home / f"{MNIST}.npz"
    parsed.parent.mkdir(parents=True)
    labels = digits.y_train[rows].astype(np.uint8)
    np.savez(parsed, images=as_mnist(digits.X_train)[rows], labels=labels)

    data = ["--data", "mnist", "--data-home", str(home)]
    options = ["--hidden", "16", "--epochs", "1", "--batch-size", "500", "--quiet"]
    assert main(["train", *data, *options, "--output", path]) == 0
    training = capsys.readouterr().out
    assert float(re.search(r"Accuracy on 10000 test images: (.*)%", training)[1]) > 90
    n_true = confusions_in(training).sum(axis=1)
    np.testing.assert_array_equal(n_true, np.bincount(labels[60_000:]))

    # A recipe is for MNIST; other options change it, wherever they stand.
    chosen = ["--batch-size", "32", "--recipe", "fast", "--epochs", "1", "--quiet"]
    other = str(tmp_path / "other.joblib")
    assert main(["train", "--data-home", str(home), *chosen, "--output", other]) == 0
    capsys.readouterr()
    expected = recipe("fast", batch_size=32, max_iter=1, random_state=0)
    assert repr(joblib.load(other)[-1]) == repr(expected)

    # The model's size says which data it is for.
    assert main(["evaluate", path, "--data-home", str(home)]) == 0
    assert capsys.readouterr().out.strip() == report_in(training)


def test_a_pipeline_of_ones_own_with_labels_as_strings(digits, tmp_path, capsys):
    model = make_pipeline(
        MinMaxScaler(),
        FromScratchMLPClassifier(32, max_iter=5, learning_rate="cosine", random_state=0),
    )
    model.fit(as_mnist(digits.X_train), digits.y_train.astype(str))
    path = str(tmp_path / "own.joblib")
    joblib.dump(model, path)
    unseen = as_mnist(digits.X_test[:9])
    images = [write_image(tmp_path / f"{i}.png", row) for i, row in enumerate(unseen)]
    assert main(["predict", path, *images]) == 0
    read = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    seen = DigitImages().transform(unseen.reshape(-1, 28, 28))
    assert read == model.predict(255 * seen).tolist()


# Warnings, interruptions and readers that go away


def test_a_warning_is_one_line(tmp_path, capsys):
    arguments = ["--schedule", "constant", "--epochs", "2", "--hidden", "8", "--quiet"]
    assert main(["train", "--output", str(tmp_path / "m"), *arguments]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "max_iter=2" in line
    assert line.startswith("skdigits: warning: Training ")


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_ends_training_and_keeps_what_was_learnt(tmp_path, digits):
    arguments = command("train", "--epochs", 1_000_000, "--hidden", 16, "--seed", 1)
    with subprocess.Popen(
        arguments,
        cwd=tmp_path,
        env=surroundings(unbuffered="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = [process.stdout.readline() for _ in range(10)]
        # Where Numba is missing, the first line says so.
        assert all(line.startswith("Iteration") for line in lines[1:])
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate()
    assert errors == "skdigits: warning: Training interrupted by user.\n"
    assert process.returncode == 0
    accuracy = joblib.load(tmp_path / "digits.joblib").score(digits.X_test, digits.y_test)
    assert f"Accuracy on 360 test images: {accuracy:.2%}\n" in output
    assert accuracy > 0.5


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--epochs", "1"]])
def test_output_that_nobody_reads_ends_quietly(arguments, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    answer = run(
        *arguments, folder=tmp_path, capture_output=False, stdout=writer, stderr=subprocess.PIPE
    )
    os.close(writer)
    assert (answer.stderr, answer.returncode) == ("", 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_output_that_is_full_is_told_in_one_line(tmp_path):
    with open("/dev/full", "w") as full:
        answer = run(
            "--help", folder=tmp_path, capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    expected = "skdigits: error: standard output: No space left on device\n"
    assert (answer.stderr, answer.returncode) == (expected, 2)


# Help


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"skdigits {__version__}\n"


def help_of(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main([*arguments, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_help_names_the_commands(capsys):
    words = help_of(capsys)
    assert all(re.search(rf"^ +{name} +\w", words, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_the_screen_and_every_option_has_words(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    words = help_of(capsys, name)
    assert max(len(line) for line in words.splitlines()) < 80
    usage, _, described = words.partition("\n\n")
    for option in re.findall(r"--[a-z-]+", usage):
        assert re.search(rf"^ +(-h, )?{option}\b.*\n? {{2,}}\w", described, re.MULTILINE), option


def test_help_of_predict_says_what_an_image_may_look_like(capsys):
    words = help_of(capsys, "predict")
    assert all(word in words for word in ("photograph", "dark on light", "8x8", "28x28"))


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_in_the_help_are_accepted(name, capsys):
    examples = re.findall(rf"^  skdigits ({name}.*)$", help_of(capsys, name), re.MULTILINE)
    assert examples
    for example in examples:
        # With --help behind it nothing runs, but all that stands before it must be right.
        assert help_of(capsys, *shlex.split(example)).startswith(f"usage: skdigits {name}")


# Errors


@pytest.mark.parametrize("arguments", [[], ["paint"], ["train", "--data", "letters"], ["predict"]])
def test_arguments_that_do_not_parse(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("skdigits")


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("--epochs", "0", "max_iter=0"),
        ("--learning-rate", "-1", "learning_rate_init=-1.0"),
        ("--learning-rate", "nan", "learning_rate_init=nan"),
        ("--hidden", "0", "hidden_layer_sizes"),
        ("--dropout", "1", "dropout"),
        ("--batch-size", "0", "batch_size=0"),
        ("--alpha", "-1", "alpha=-1.0"),
        ("--label-smoothing", "1", "label_smoothing=1.0"),
        ("--seed", "-1", "random_state=-1"),
    ],
)
def test_parameters_out_of_bounds(option, value, named, tmp_path, capsys):
    path = tmp_path / "model.joblib"
    assert named in error_of(capsys, "train", "--output", path, option, value)
    assert not path.exists()


def test_output_that_cannot_be_written_is_found_before_training(tmp_path, capsys):
    for path in (tmp_path, tmp_path / "missing" / "model.joblib"):
        assert str(path) in error_of(capsys, "train", "--output", path)


def test_a_network_too_large_for_memory(tmp_path, capsys):
    units = [str(10**7)] * 2
    line = error_of(capsys, "train", "--output", tmp_path / "m", "--hidden", *units)
    assert line.startswith("Unable to allocate")


def test_data_that_cannot_be_read(tmp_path, capsys):
    damaged = tmp_path / f"{MNIST}.arff.gz"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"<html>")
    arguments = ["--data", "mnist", "--data-home", tmp_path, "--output", tmp_path / "m"]
    assert f"{damaged} is damaged or not MNIST" in error_of(capsys, "train", *arguments)


def fitted_wrongly():
    """Models, and other things, that read no digits."""
    X, y = load_iris(return_X_y=True)
    digits = load_digits_8x8()
    few = digits.y_train < 5
    yield "of flowers", LogisticRegression().fit(X / 8, y)
    yield "not fitted", make_pipeline(MinMaxScaler(), FromScratchMLPClassifier())
    yield "a regression", Ridge().fit(digits.X_train, digits.y_train)
    yield "no probabilities", RidgeClassifier().fit(digits.X_train, digits.y_train)
    half = FromScratchMLPClassifier(8, max_iter=1, learning_rate="cosine")
    yield "five digits", half.fit(digits.X_train[few] / 16, digits.y_train[few])
    yield "half an image", half.fit(digits.X_train[:, :32] / 16, digits.y_train)
    yield "many answers", half.fit(digits.X_train / 16, np.eye(10, dtype=int)[digits.y_train])
    yield "an array", digits.X_test
    yield "a dictionary", {"classes_": 3}


def test_files_that_hold_no_model_of_digits(tmp_path, capsys):
    for words, content in fitted_wrongly():
        path = tmp_path / f"{words}.joblib"
        joblib.dump(content, path)
        line = error_of(capsys, "evaluate", path)
        assert f"{path} holds a {type(content).__name__}, not a fitted classifier" in line
        assert line == error_of(capsys, "predict", path, "x.png")


def test_labels_may_be_numbers_in_words(digits, tmp_path, capsys):
    path = str(tmp_path / "model.joblib")
    words = [f"{digit}.0" for digit in digits.y_train]
    joblib.dump(GaussianNB().fit(digits.X_train, words), path)
    assert main(["evaluate", path]) == 0
    assert "Accuracy on 360 test images: " in capsys.readouterr().out


def test_files_that_are_no_model(model_path, tmp_path, capsys):
    model = Path(model_path).read_bytes()
    for content in (b"", b"text\n", b"\x80\x05garbage", b"\x78\x9cgarbage", model[:-100]):
        path = tmp_path / "file"
        path.write_bytes(content)
        assert str(path) in error_of(capsys, "evaluate", path)
    missing = tmp_path / "missing"
    assert error_of(capsys, "evaluate", missing) == f"{missing}: No such file or directory"
    assert str(tmp_path) in error_of(capsys, "predict", tmp_path, "x.png")


def test_a_model_and_data_of_different_sizes(model_path, capsys):
    line = error_of(capsys, "evaluate", model_path, "--data", "mnist")
    assert line.endswith("reads images of 8x8 pixels, but --data mnist has 28x28")


def test_an_output_with_too_long_a_name(capsys):
    assert "too long" in error_of(capsys, "train", "--output", 300 * "x").lower()


def test_a_model_that_cannot_be_loaded_says_why(tmp_path, capsys, monkeypatch):
    (tmp_path / "foreign.py").write_text("class Model:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "model.joblib"
    joblib.dump(importlib.import_module("foreign").Model(), path)
    monkeypatch.delitem(sys.modules, "foreign")
    (tmp_path / "foreign.py").unlink()
    importlib.invalidate_caches()
    assert "No module named 'foreign'" in error_of(capsys, "evaluate", path)


def test_a_suffix_that_joblib_cannot_write_is_found_before_training(tmp_path, capsys):
    if importlib.util.find_spec("lz4"):
        pytest.skip("lz4 is installed, and joblib writes such files")
    path = tmp_path / "model.lz4"
    assert str(path) in error_of(capsys, "train", "--output", path, "--epochs", "1")
