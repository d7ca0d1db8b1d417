"""The command `predict`: real models and real image files, one answer or one error a line."""

import json
import os
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from command_line import as_mnist, error_of, run, write_image
from drawing import enlarged
from sklearn.pipeline import make_pipeline

from skdigits import FromScratchMLPClassifier
from skdigits.cli import main
from skdigits.digits import DigitImages
from skdigits.digits.reading import _resized

Image = pytest.importorskip("PIL.Image", reason="images are written by Pillow")


def test_predict_reads_image_files_of_all_kinds(trained, digits, tmp_path):
    n = 40
    modes = ["L", "RGB", "RGBA", "LA", "P"]
    paths = [
        write_image(tmp_path / f"image {i}.png", digits.X_test[i] / 16 * 255, modes[i % 5])
        for i in range(n)
    ]
    answer = run("predict", "digits.joblib", *paths, folder=trained[0])
    assert (answer.stderr, answer.returncode) == ("", 0)

    lines = [line.split("\t") for line in answer.stdout.splitlines()]
    expected = joblib.load(trained[0] / "digits.joblib").predict_proba(digits.X_test[:n])
    assert [path for path, *_ in lines] == paths
    assert [int(digit) for _, digit, _ in lines] == expected.argmax(axis=1).tolist()
    shown = [float(probability) for *_, probability in lines]
    np.testing.assert_allclose(shown, expected.max(axis=1), atol=0.01)


@pytest.fixture(scope="module")
def page(digits, tmp_path_factory):
    """A page of shaded paper with four digits on it in dark ink, and the digits."""
    chosen = [int(np.flatnonzero(digits.y_test == digit)[0]) for digit in (4, 0, 7, 2)]
    paper = np.linspace(180, 250, 700) * np.ones((240, 1))
    for i, row in enumerate(digits.X_test[chosen].reshape(-1, 8, 8)):
        large = np.asarray(Image.fromarray(row * 15).resize((120, 120), Image.Resampling.BICUBIC))
        place = np.s_[60:180, 60 + 160 * i : 180 + 160 * i]
        paper[place] *= 1 - large / 255 * 0.8
    path = tmp_path_factory.mktemp("pages") / "page.jpg"
    Image.fromarray(paper.astype(np.uint8)).save(path, quality=95)
    return path


def test_predict_reads_a_number_on_a_page(trained, page):
    answer = run("predict", "digits.joblib", page, folder=trained[0])
    assert (answer.stderr, answer.returncode) == ("", 0)
    path, number, probabilities = answer.stdout.rstrip("\n").split("\t")
    assert (path, number) == (str(page), "4072")
    assert all(0.3 < float(probability) <= 1 for probability in probabilities.split(" "))


def test_predict_prints_json_with_boxes(trained, page):
    answer = run("predict", "--json", "digits.joblib", page, page, folder=trained[0])
    first, second = (json.loads(line) for line in answer.stdout.splitlines())
    assert first == second
    assert first["path"] == str(page)
    assert [part["digit"] for part in first["digits"]] == [4, 0, 7, 2]
    for i, (top, left, bottom, right) in enumerate(part["box"] for part in first["digits"]):
        assert 50 <= top < bottom <= 190
        assert 50 + 160 * i <= left < right <= 190 + 160 * i


def test_digits_stand_upright_for_a_model_of_8_by_8_pixels():
    row, column = np.mgrid[:28, :28]
    upright, slanted = (
        ((np.abs(row - 14) < 10) & (np.abs(column - 14 + slope * (row - 14)) < 2))
        for slope in (0, 0.5)
    )
    one, other = _resized(np.array([upright, slanted], np.float32).reshape(2, -1), 8)
    assert one @ other > 0.95 * np.linalg.norm(one) * np.linalg.norm(other)


def test_json_has_an_object_for_an_image_that_cannot_be_read(model_path, page, capsys):
    status = main(["predict", "--json", model_path, "missing.png", str(page)])
    output = capsys.readouterr()
    first, second = map(json.loads, output.out.splitlines())
    assert first == {"path": "missing.png", "error": "missing.png: No such file or directory"}
    assert (second["path"], status) == (str(page), 2)
    assert output.err == "skdigits: error: missing.png: No such file or directory\n"


def test_predict_draws_its_answers(trained, page, tmp_path):
    arguments = ["predict", "--annotate", tmp_path / "out.png", "digits.joblib", page]
    answer = run(*arguments, folder=trained[0])
    assert (answer.stderr, answer.returncode) == ("", 0)
    with Image.open(page) as before, Image.open(tmp_path / "out.png") as after:
        assert after.size == before.size
        red, green, _ = np.moveaxis(np.asarray(after, int), 2, 0)
    drawn = (red - green > 100).nonzero()
    assert drawn[0].min() < 90
    assert drawn[0].max() > 150
    assert np.ptp(drawn[1]) > 500


def test_annotations_of_several_images_are_refused(model_path, capsys):
    line = error_of(capsys, "predict", "--annotate", "out.png", model_path, "a.png", "b.png")
    assert line == "--annotate draws on one image, and 2 are given"


def test_annotations_overwrite_nothing_that_is_read(model_path, page, tmp_path, capsys):
    for path in (page, model_path):
        before = Path(path).read_bytes()
        link = tmp_path / "link.png"
        link.symlink_to(path)
        for output in (path, link):
            line = error_of(capsys, "predict", "--annotate", output, model_path, page)
            assert line == f"--annotate would overwrite {path}, which is read"
        link.unlink()
        assert Path(path).read_bytes() == before


def test_images_that_cannot_be_read(model_path, tmp_path, capsys):
    def error(path):
        return error_of(capsys, "predict", model_path, path)

    assert error("missing.png") == "missing.png: No such file or directory"
    assert str(tmp_path) in error(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("seven")
    assert "cannot identify image file" in error(text)

    blank = Path(write_image(tmp_path / "blank.png", np.full(784, 200)))
    assert error(blank) == f"{blank} shows no digit"
    noise = np.random.default_rng(0).integers(256, size=784)
    whole = Path(write_image(tmp_path / "noise.png", noise)).read_bytes()
    for content in (whole[:-200], whole[:60], whole.replace(b"IDAT", b"IDAX"), whole[:20]):
        damaged = tmp_path / "damaged.png"
        damaged.write_bytes(content)
        assert str(damaged) in error(damaged)


def test_images_after_a_bad_one_are_read(model_path, digits, tmp_path, capsys):
    good = write_image(tmp_path / "good.png", digits.X_test[0] / 16 * 255)
    assert main(["predict", model_path, "missing.png", good]) == 2
    captured = capsys.readouterr()
    assert captured.err == "skdigits: error: missing.png: No such file or directory\n"
    assert captured.out.startswith(f"{good}\t{digits.y_test[0]}\t")


def test_missing_pillow(model_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    line = error_of(capsys, "predict", model_path, "x.png")
    assert line.endswith("pip install 'skdigits[image]'")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_an_image_may_come_out_of_a_pipe(model_path, digits, tmp_path):
    file = Path(write_image(tmp_path / "digit.png", as_mnist(digits.X_test[:1])[0]))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Whoever opens a pipe waits for the other side, for ever if that has been and gone.
    threading.Thread(target=pipe.write_bytes, args=[file.read_bytes()], daemon=True).start()
    answer = run("predict", model_path, pipe, folder=tmp_path, timeout=120)
    assert answer.stdout.split("\t")[1] == str(digits.y_test[0])


def test_small_files_may_be_dark_on_light_or_blank(model_path, digits, tmp_path, capsys):
    image = digits.X_test[0] * 15.9
    paths = [
        write_image(tmp_path / f"{name}.png", pixels)
        for name, pixels in {"light": image, "dark": 255 - image, "blank": 0 * image}.items()
    ]
    assert main(["predict", model_path, *paths]) == 2
    captured = capsys.readouterr()
    light, dark = (line.split("\t")[1:] for line in captured.out.splitlines())
    assert light[0] == dark[0]
    assert float(light[1]) == pytest.approx(float(dark[1]), abs=0.01)
    assert captured.err.splitlines() == [f"skdigits: error: {paths[2]} shows no digit"]


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_annotations_are_drawn_on_what_was_read(model_path, page, tmp_path, mode):
    with Image.open(page) as image:
        grey = np.asarray(image)
    if mode == "RGBA":  # Black ink on transparent paper.
        canvas = Image.fromarray(np.dstack([0 * grey] * 3 + [255 - grey]))
    else:
        canvas = Image.fromarray(grey.astype(np.uint16) * 200)
    path, output = tmp_path / "number.png", tmp_path / "out.png"
    canvas.save(path)
    assert main(["predict", "--annotate", str(output), model_path, str(path)]) == 0
    with Image.open(output) as image:
        drawn = np.asarray(image.convert("L"), int)
    assert np.corrcoef(drawn.ravel(), grey.ravel())[0, 1] > 0.5


def test_a_pipeline_that_begins_with_digit_images(digits, tmp_path, capsys):
    clf = FromScratchMLPClassifier(32, max_iter=5, learning_rate="cosine", random_state=0)
    model = make_pipeline(DigitImages(), clf)
    images = enlarged(digits.X_train[:300]).reshape(-1, 28, 28)
    # Labels as tables of numbers have them.
    model.fit(images, digits.y_train[:300].astype(float))
    path = str(tmp_path / "own.joblib")
    joblib.dump(model, path)
    image = write_image(tmp_path / "digit.png", enlarged(digits.X_test[:1])[0])
    assert main(["predict", path, image]) == 0
    read = capsys.readouterr().out.split("\t")[1]
    assert int(read) == model.predict([image])[0]


def test_nothing_but_answers_goes_to_stdout(model_path, digits, tmp_path, capsys, monkeypatch):
    good = write_image(tmp_path / "good.png", digits.X_test[0] / 16 * 255)
    # As Python has it where a shell has closed it.
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["predict", model_path, "missing.png", good]) == 2
    assert capsys.readouterr().out.startswith(f"{good}\t")


@pytest.mark.parametrize("name", ["out.h5", "out.psd", "out.xbm", "out", "out.blp"])
def test_annotations_that_cannot_be_written_name_their_file(
    name, model_path, digits, tmp_path, capsys
):
    good = write_image(tmp_path / "good.png", digits.X_test[0] / 16 * 255)
    output = tmp_path / name
    line = error_of(capsys, "predict", "--annotate", output, model_path, good)
    assert line == f"{output}: images of that kind can't be written"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is full")
def test_annotations_on_a_full_disk_say_so(model_path, digits, tmp_path, capsys):
    good = write_image(tmp_path / "good.png", digits.X_test[0] / 16 * 255)
    output = tmp_path / "out.png"
    output.symlink_to("/dev/full")
    line = error_of(capsys, "predict", "--annotate", output, model_path, good)
    assert line == f"{output}: No space left on device"


def test_a_box_around_all_of_an_image_is_drawn(model_path, digits, tmp_path, capsys):
    image, output = write_image(tmp_path / "8.png", digits.X_test[0] / 16 * 255), tmp_path / "o.png"
    assert main(["predict", "--annotate", str(output), model_path, image]) == 0
    with Image.open(output) as drawn:
        red = (np.asarray(drawn.convert("RGB")) == (220, 30, 30)).all(axis=2)
    assert red[-1].all()
    assert red[:, -1].all()


def test_annotations_in_a_folder_that_is_not_there_say_so(model_path, digits, tmp_path, capsys):
    good = write_image(tmp_path / "good.png", digits.X_test[0] / 16 * 255)
    output = tmp_path / "absent" / "out.png"
    line = error_of(capsys, "predict", "--annotate", output, model_path, good)
    assert line == f"{output}: No such file or directory"
