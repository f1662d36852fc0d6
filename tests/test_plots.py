"""Figures: what is laid over what, and that every figure carries its alternative text."""

import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from lecture_utils import overlay, plots
from lecture_utils.png import lightened, of_few_colours

GREY = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)


def test_overlay_is_the_image_at_opacity_0_and_the_coloured_map_at_1():
    as_rgb = np.repeat(np.round(255 * GREY).astype(np.uint8)[..., None], 3, axis=-1)
    np.testing.assert_array_equal(overlay(GREY, np.ones((2, 2)), alpha=0), as_rgb)
    top = np.round(255 * np.array(plt.get_cmap("inferno")(1.0)[:3]))
    np.testing.assert_array_equal(overlay(GREY, np.full((2, 2), 7.0), alpha=1), np.broadcast_to(top, (8, 8, 3)))


def test_overlay_takes_floats_and_bytes_grey_and_colour_alike():
    map_ = np.arange(9.0).reshape(3, 3)
    expected = overlay(GREY, map_).astype(int)
    for image in (GREY[..., None], np.repeat(GREY[..., None], 3, -1), np.round(255 * GREY).astype(np.uint8)):
        assert np.abs(overlay(image, map_).astype(int) - expected).max() <= 1


def test_overlay_does_not_depend_on_the_map_s_scale_and_draws_negative_values_like_zero():
    map_ = np.array([[0, 1], [2, 4]], dtype=np.float32)
    np.testing.assert_array_equal(overlay(GREY, map_), overlay(GREY, 1e-6 * map_))
    np.testing.assert_array_equal(overlay(GREY, -map_), overlay(GREY, np.zeros((2, 2))))


@pytest.mark.parametrize("image, map_, alpha, told", [
    (GREY[None, ..., None], np.ones((2, 2)), 0.5, "one image"),
    (GREY, np.ones((1, 2, 2)), 0.5, "one finite map"),
    (GREY, np.array([[np.nan]]), 0.5, "one finite map"),
    (GREY, np.ones((2, 2)), 50, "opacity"),
])
def test_overlay_says_what_is_wrong(image, map_, alpha, told):
    with pytest.raises(ValueError, match=told):
        overlay(image, map_, alpha)


def test_signed_image_is_grey_at_zero_and_symmetric():
    gradient = np.array([[-2.0, 0.0, 2.0, 1.0]])
    np.testing.assert_allclose(plots.signed_image(gradient, percentile=100), [[0, 0.5, 1, 0.75]])
    np.testing.assert_allclose(plots.signed_image(np.zeros((2, 2))), 0.5)


def test_boxes_are_drawn_around_their_pixels():
    figure = plots.image_grid([GREY], boxes=[np.array([[1, 2, 4, 7]])])
    (patch,) = figure.axes[0].patches
    assert patch.get_xy() == (0.5, 1.5) and (patch.get_width(), patch.get_height()) == (3, 5)
    plt.close(figure)


def test_signed_maps_have_white_at_zero_and_an_own_scale():
    figure = plots.map_grid(GREY[None, ..., None], {"map": np.array([[[-3.0, 1.0]]])}, signed=True)
    (drawn,) = figure.axes[1].images
    assert drawn.get_clim() == (-3, 3) and drawn.get_cmap().name == "RdBu_r"
    plt.close(figure)


def test_every_figure_needs_and_carries_its_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    figure = plots.image_grid([GREY])
    with pytest.raises(ValueError, match="alternative text"):
        plots.show(figure, " ")
    plots.show(figure, "A ramp of grey.")
    (data, more), = shown
    assert data["image/png"][:4] == b"\x89PNG" and more["metadata"]["image/png"]["alt"] == "A ramp of grey."
    assert not plt.fignum_exists(figure.number)


@pytest.mark.parametrize("title, marked", [("a ramp", {}), ("경사", {"lang": "ko"}), ("$A^k$의 합", {"lang": "ko"})])
def test_a_figure_with_korean_words_says_so(title, marked, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append(more["metadata"]["image/png"]))
    with plt.rc_context():
        plots.letter_in_korean()
        plots.show(plots.image_grid([GREY], [title]), "A ramp of grey.")
    assert {name: value for name, value in shown[0].items() if name not in ("alt", "width", "height")} == marked


def test_labels_that_come_when_they_are_drawn_count_as_words(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append(more["metadata"]["image/png"]))
    with plt.rc_context():
        plots.letter_in_korean()
        figure, axis = plt.subplots()
        axis.bar(["고양이", "개"], [1, 2])
        plots.show(figure, "Two bars.")
    assert shown[0]["lang"] == "ko"


def test_lines_of_korean_do_not_touch(monkeypatch):
    heights = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: None)
    for spaced in (False, True):
        with plt.rc_context():
            plots.letter_in_korean()
            figure = plt.figure()
            text = figure.text(0.1, 0.1, "맵의 합\n점수")
            if spaced:
                plots.show(figure, "Two lines.")
            figure.draw_without_rendering()
            heights.append(text.get_window_extent().height)
        plt.close(figure)
    assert heights[1] > 1.05 * heights[0]


def test_korean_figures_have_every_sign(recwarn, caplog):
    """Also beside formulas, where matplotlib takes signs from one font alone, and in bold type, which the font has not."""
    with plt.rc_context():
        plots.letter_in_korean()
        figure = plots.image_grid([GREY, GREY], ["맵 $A^k_{ij}$ → −1.5, 95%", "맞음 ✓ 틀림 ✗ ≥ 0.5"])
        figure.axes[0].title.set_fontweight("bold")
        figure.savefig(io.BytesIO())
    plt.close(figure)
    assert not recwarn.list and not caplog.records


def test_english_figures_keep_their_font():
    assert plt.rcParams["font.family"] == plt.rcParamsDefault["font.family"]


def test_the_words_of_figures_are_the_reader_s(monkeypatch):
    monkeypatch.setenv("COURSE_LANG", "ko")
    figure = plots.map_grid(GREY[None, ..., None], {"CAM": np.ones((1, 2, 2))})
    stem = plots.score_stem([1, 2], ["a", "b"], true=0)
    points = plots.interval_points({"CAM": (0.5, 0.4, 0.6)}, chance=0.3)
    assert figure.axes[0].get_title() == "입력" and stem.axes[0].get_ylabel() == "클래스 점수 y"
    assert stem.axes[0].get_legend().get_texts()[0].get_text() == "정답 클래스"
    assert [text.get_text() for text in points.axes[0].texts] == ["우연 수준"]
    plt.close("all")


def test_a_figure_is_drawn_twice_as_fine_as_it_is_shown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    figure = plt.figure(figsize=(3, 2))
    figure.add_axes((0, 0, 1, 1), xticks=[], yticks=[])
    plots.show(figure, "An empty frame, three by two inches, and a tenth of an inch around it.")
    (data, more), = shown
    size = more["metadata"]["image/png"]
    assert (size["width"], size["height"]) == pytest.approx((3.2 * 90, 2.2 * 90), abs=2)
    assert Image.open(io.BytesIO(data["image/png"])).size == pytest.approx((2 * size["width"], 2 * size["height"]), abs=1)


def test_a_kept_picture_is_shown_as_it_is_a_pixel_for_each_of_the_page_s(tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **more: shown.append((data, more)))
    Image.fromarray(np.zeros((20, 30, 3), "uint8")).save(tmp_path / "kept.png")
    plots.show(tmp_path / "kept.png", "Black, thirty by twenty pixels.")
    (data, more), = shown
    assert data["image/png"] == (tmp_path / "kept.png").read_bytes()
    assert more["metadata"]["image/png"] == {"alt": "Black, thirty by twenty pixels.", "width": 30, "height": 20}


@pytest.mark.parametrize("colours, mode, off", [(64, "P", 2), (280, "P", 6), (30_000, "RGB", 2)])
def test_a_lightened_picture_looks_the_same_and_takes_less_room(colours, mode, off):
    random = np.random.default_rng(0)
    ramp = 255 - np.linspace(0, 63, colours)[:, None] * [4, 0, 4] + np.arange(colours)[:, None] % 5 * [0, -4, 0]
    pixels = (ramp[random.integers(colours, size=(150, 200))] if mode == "P" else random.integers(256, size=(150, 200, 3)))
    image, plain = Image.fromarray(pixels.astype(np.uint8)), io.BytesIO()
    image.save(plain, format="png")
    light = lightened(image)
    assert Image.open(io.BytesIO(light)).mode == mode and len(light) < 0.9 * len(plain.getvalue())
    assert np.abs(np.asarray(Image.open(io.BytesIO(light)).convert("RGB")).astype(int) - np.asarray(image)).max() <= off


def test_white_stays_white():
    white = Image.open(io.BytesIO(lightened(Image.new("RGB", (9, 9), "white"))))
    assert np.asarray(white.convert("RGB")).min() == 255


def test_the_page_stays_white_in_256_colours_beside_greys_that_are_nearly_white():
    random = np.random.default_rng(0)
    page = np.full((200, 300, 3), 255, np.uint8)
    page[20:60, 20:280] = random.integers(230, 256, (40, 260, 1))                    # the edges of letters
    page[70:170, 50:250] = random.integers(0, 256, (10, 20, 3)).repeat(10, 0).repeat(10, 1)
    few = np.asarray(Image.open(io.BytesIO(of_few_colours(Image.fromarray(page)))).convert("RGB")).astype(int)
    assert len(np.unique(few.reshape(-1, 3), axis=0)) <= 256 and np.abs(few - page).mean() < 2
    white = (page == 255).all(axis=-1)
    assert (few[white] == 255).all(axis=-1).mean() > 0.99


def test_one_extreme_pixel_does_not_leave_the_rest_of_a_signed_image_grey():
    gradient = np.ones((20, 20))
    gradient[0, 0], gradient[0, 1] = 1000, -1
    shown = plots.signed_image(gradient)
    assert shown[0, 0] == 1 and shown[0, 1] == 0 and (shown[1:] == 1).all()


def test_pictures_keep_their_contrast():
    figure = plots.image_grid([0.4 + 0.2 * GREY])
    (drawn,) = figure.axes[0].images
    colours = drawn.to_rgba(drawn.get_array())[..., :3]
    np.testing.assert_allclose([colours.min(), colours.max()], [0.4, 0.6], atol=1e-6)
    plt.close(figure)


def test_every_row_of_a_map_grid_has_its_own_map():
    maps = np.zeros((2, 1, 8))
    maps[0, 0, 1] = maps[1, 0, 6] = 1
    figure = plots.map_grid(np.zeros((2, 8, 8, 1)), {"map": maps})
    brightest = [np.asarray(axis.images[0].get_array()).sum(axis=(0, 2)).argmax() for axis in figure.axes[1::2]]
    assert brightest == [1, 6]
    plt.close(figure)


def test_answers_pair_each_image_with_its_map_and_frame_the_wrong_ones():
    images, maps = np.stack([GREY, GREY, GREY])[..., None], np.arange(12.0).reshape(3, 2, 2)
    figure = plots.answers(images, maps, [0, 1, 1], [0, 1, 0], [0.9, 0.8, 0.7], ["cat", "dog"], columns=2)
    used = [axis for axis in figure.axes if axis.images]
    assert [axis.get_title() for axis in used] == ["cat\n90%", "dog\n80%", "dog\n→ cat 70%"]
    assert [len(axis.patches) for axis in used] == [0, 0, 1]
    for axis, map_ in zip(used, maps, strict=True):
        shown = axis.images[0].get_array()
        as_rgb = np.round(255 * np.repeat(GREY[..., None], 3, axis=-1))
        np.testing.assert_allclose(255 * shown[:, :8] if shown.max() <= 1 else shown[:, :8], as_rgb, atol=0.51)
        np.testing.assert_allclose(255 * shown[:, 8:] if shown.max() <= 1 else shown[:, 8:], overlay(GREY, map_), atol=0.51)
    plt.close(figure)


def test_the_true_class_is_marked_at_its_own_score():
    figure = plots.score_stem([1.0, 3.0, 2.0], ["a", "b", "c"], true=2)
    marked = [line for line in figure.axes[0].lines if line.get_label() == "true class"]
    assert [line.get_xydata().tolist() for line in marked] == [[[2, 2]]]
    plt.close(figure)


def test_learning_curves_count_epochs_from_one_and_tell_training_from_validation():
    class History:
        history = {"loss": [3, 2], "val_loss": [4, 3], "accuracy": [0.5, 0.6]}

    figure = plots.learning_curves(History)
    loss, accuracy = ([(line.get_label(), line.get_xydata().tolist()) for line in axis.lines] for axis in figure.axes)
    assert loss == [("training", [[1, 3], [2, 2]]), ("validation", [[1, 4], [2, 3]])]
    assert accuracy == [("training", [[1, 0.5], [2, 0.6]])]
    plt.close(figure)
