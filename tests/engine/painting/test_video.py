import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import RequestError
from engine.painting.video import TimeLapse

FIRST, LAST = (200, 40, 30), (30, 60, 220)


def pictures(count, size=(64, 48)):
    """From FIRST to LAST, each of one colour."""
    for number in range(count):
        share = number / max(1, count - 1)
        colour = tuple(round(a + (b - a) * share) for a, b in zip(FIRST, LAST, strict=True))
        yield Image.new("RGB", size, colour)


def write(path, images, count):
    video = TimeLapse(path, path.suffix, iterations=count - 1)
    for number, image in enumerate(images):
        if video.wants(number) and number < count - 1:
            video.add(image)
    video.finish(image)


def opened(path):
    """An animation, whose frames Pillow's types do not show."""
    return Image.open(path)


def decoded(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return frames, float(stream.average_rate or 0), stream.codec_context


@pytest.mark.parametrize(
    ("count", "growing", "rate"),
    [(1, 1, 5), (11, 11, 5), (101, 101, 13), (200, 200, 25), (401, 135, 17)],
)
def test_an_mp4_grows_and_then_holds_its_last_picture(tmp_path, count, growing, rate):
    path = tmp_path / "video.mp4"
    write(path, pictures(count), count)
    frames, frames_a_second, context = decoded(path)
    assert (context.codec.name, context.pix_fmt) == ("h264", "yuv420p")
    assert frames_a_second == rate
    assert len(frames) == growing + 2 * rate
    assert len(frames) / rate <= 10.1
    assert np.abs(frames[0].astype(int) - FIRST).max() <= 4
    for held in frames[-2 * rate :] if count > 1 else []:
        assert np.abs(held.astype(int) - LAST).max() <= 4


def test_odd_sizes_get_one_more_row_and_column(tmp_path):
    path = tmp_path / "video.mp4"
    write(path, pictures(3, (31, 17)), 3)
    frames, _, _ = decoded(path)
    assert frames[0].shape == (18, 32, 3)
    assert np.abs(frames[0][-1, -1].astype(int) - FIRST).max() <= 4


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_an_animation_shows_every_picture_and_holds_the_last(tmp_path, ending):
    path = tmp_path / f"video{ending}"
    write(path, pictures(30), 30)
    with opened(path) as video:
        assert video.n_frames == 30
        assert video.info["loop"] == 0
        durations, colours = [], []
        for number in range(video.n_frames):
            video.seek(number)
            video.load()
            durations.append(video.info["duration"])
            colours.append(video.convert("RGB").getpixel((5, 5)))
    assert durations[:-1] == [200] * 29
    assert durations[-1] >= 2000
    assert np.abs(np.subtract(colours[0], FIRST)).max() <= 10
    assert np.abs(np.subtract(colours[-1], LAST)).max() <= 10


def test_a_big_animation_is_made_smaller(tmp_path):
    path = tmp_path / "video.gif"
    write(path, pictures(2, (1024, 512)), 2)
    with opened(path) as video:
        assert video.size == (512, 256)


@given(st.integers(1, 5000), st.sampled_from([".mp4", ".gif", ".webp"]))
def test_no_time_lapse_is_longer_than_ten_seconds(tmp_path_factory, iterations, ending):
    video = TimeLapse(tmp_path_factory.getbasetemp() / f"planned{ending}", ending, iterations)
    video.abandon()
    growing = sum(map(video.wants, range(iterations))) + 1
    assert video.wants(0)
    assert growing / video.rate <= 8.2
    assert growing >= min(iterations + 1, 40)


def test_a_time_lapse_stopped_half_way_holds_its_last_picture(tmp_path):
    path = tmp_path / "video.mp4"
    video = TimeLapse(path, ".mp4", iterations=100)
    for image in list(pictures(100))[:7]:
        video.add(image)
    video.finish(Image.new("RGB", (64, 48), LAST))
    frames, rate, _ = decoded(path)
    assert len(frames) == 8 + 2 * rate
    assert np.abs(frames[-1].astype(int) - LAST).max() <= 4


@pytest.mark.parametrize("started", [False, True])
def test_an_abandoned_time_lapse_is_closed(tmp_path, started):
    path = tmp_path / "video.mp4"
    video = TimeLapse(path, ".mp4", iterations=9)
    if started:
        video.add(Image.new("RGB", (8, 8)))
        video.add(Image.new("RGB", (8, 8)))
    video.abandon()
    video.abandon()
    path.unlink(missing_ok=True)


def test_a_finished_time_lapse_stays_complete_when_it_is_abandoned(tmp_path):
    path = tmp_path / "video.mp4"
    video = TimeLapse(path, ".mp4", iterations=2)
    video.finish(Image.new("RGB", (8, 8)))
    video.abandon()
    assert len(decoded(path)[0]) == 11


def test_unknown_endings_and_empty_time_lapses_are_refused(tmp_path):
    with pytest.raises(RequestError, match=r"\.mp4, \.gif or \.webp"):
        TimeLapse(tmp_path / "video.avi", ".avi", iterations=1)
    with pytest.raises(RequestError, match="at least one picture"):
        TimeLapse(tmp_path / "video.mp4", ".mp4", iterations=1).finish()
    assert not (tmp_path / "video.avi").exists()


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_missing_folder_is_noticed_before_the_painting(tmp_path, ending):
    with pytest.raises(OSError, match="No such file"):
        TimeLapse(tmp_path / "gone" / f"video{ending}", ending, 9)


def test_an_animation_is_made_small_enough_to_post(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 150, 200, 3), np.uint8)
    frames = [Image.fromarray(frame) for frame in pixels]
    for ending, limit, size in [
        (".webp", 10_000_000, (200, 150)),
        (".webp", 30_000, (128, 96)),
    ]:
        path = tmp_path / f"video{ending}"
        video = TimeLapse(path, ending, 3, max_bytes=limit)
        for frame in frames:
            video.add(frame)
        video.finish()
        assert path.stat().st_size <= limit
        with opened(path) as shown:
            assert (shown.n_frames, shown.info["loop"], shown.size) == (4, 0, size)


def test_frames_are_those_before_the_camera_moves(tmp_path):
    video = TimeLapse(tmp_path / "video.webp", ".webp", 1000, unit=5)
    wanted = [i for i in range(1001) if video.wants(i)]
    assert {i % 5 for i in wanted} == {0}
    assert (len(wanted), wanted[1]) == (67, 15)  # at most 80 frames
