"""What `imagine` paints and writes."""

import json
import wave
from xml.etree import ElementTree

import av
import numpy as np
from PIL import Image

from engine import imagine
from engine.request.request import ImageRequest, request_from_json
from tests.engine.cli.command_line import OUTPUTS, TINY, assert_refused, contents, opened, run


def time_of(path):
    """Milliseconds of an animation, in which equal frames in a row are merged."""
    with opened(path) as video:
        durations = []
        for number in range(video.n_frames):
            video.seek(number)
            video.load()
            durations.append(video.info["duration"])
        return sum(durations)


def test_a_painting_writes_picture_time_lapse_preview_and_report(catalogue, folder, monkeypatch):
    done = run(catalogue, folder, "a", "fox", "--seed", "7", *TINY, *OUTPUTS, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    assert {
        key: report[key]
        for key in (
            "path",
            "video",
            "preview",
            "seed",
            "iterations",
            "size",
            "model",
            "stopped",
            "notices",
        )
    } == {
        "path": "out.png",
        "video": "video.mp4",
        "preview": "preview.png",
        "seed": 7,
        "iterations": 5,
        "size": [32, 24],
        "model": "tiny",
        "stopped": False,
        "notices": [],
    }
    assert 0 < report["first_preview_seconds"] <= report["seconds"] < 100
    assert report["losses"].keys() == {"total", "a fox"}

    with opened(folder / "out.png") as image:
        texts, pixels = image.text, image.convert("RGB").tobytes()
    assert texts["Description"] == "a fox"
    request = request_from_json(texts["imagine-bot request"])
    assert request == ImageRequest(prompt="a fox", seed=7, model="tiny")
    assert report["request"] == json.loads(texts["imagine-bot request"])
    provenance = json.loads(texts["imagine-bot provenance"])
    assert provenance.keys() >= {"seed", "random", "model", "device", "torch", "kornia", "threads"}
    assert (provenance["seed"], provenance["model"]) == (7, "tiny")

    with opened(folder / "preview.png") as preview:
        assert preview.convert("RGB").tobytes() == pixels
    with av.open(str(folder / "video.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6 + 10
    assert not list(folder.glob(".*"))

    monkeypatch.setenv("IMAGINE_MODELS_CATALOGUE", str(catalogue))
    *_, last = imagine(request)
    assert last.to_pil().tobytes() == pixels


def test_strokes_are_written_as_svg_with_the_request_inside(catalogue, tmp_path, run_here):
    own = tmp_path / "strokes.toml"
    own.write_text(
        catalogue.read_text().replace('path = "', f'path = "{catalogue.parent}/')
        + """
        [generators.strokes]
        kind = "curves"
        [models.strokes]
        generator = "strokes"
        perceptor = "tiny"
        """
    )
    given = ("a <fox> --size 64x48 --seed 3 --iterations 2 --cutouts 2", "--model", "strokes")
    done = run_here(own, *given, "-o", "fox.svg", "--preview", "now.png", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["path"] == "fox.svg"
    root = ElementTree.parse(tmp_path / "fox.svg").getroot()  # noqa: S314  # it is our own
    texts = {each.get("keyword"): each.text or "" for each in root.iter("{urn:imagine-bot}text")}
    request = request_from_json(texts["imagine-bot request"])
    assert (request.prompt, request.seed, request.model) == ("a <fox>", 3, "strokes")
    assert json.loads(texts["imagine-bot provenance"])["model"] == "strokes"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 3 * 4
    with opened(tmp_path / "now.png") as preview:
        assert preview.size == (64, 48)


def test_only_new_pictures_of_strokes_can_be_svg(catalogue, tmp_path, run_here):
    Image.new("RGB", (30, 20)).save(tmp_path / "mine.png")
    for words, says in (
        (("a fox", *TINY, "-o", "fox.svg"), "This model paints pixels, not strokes"),
        (
            ("a fox", *TINY, "-o", "fox.svg", "--init-image", "mine.png"),
            "An edit keeps pixels of the picture that it starts from",
        ),
    ):
        done = run_here(catalogue, *words)
        assert done.returncode == 2
        assert says in done.stderr
        assert not (tmp_path / "fox.svg").exists()


def test_without_a_name_a_new_file_is_created_and_none_is_replaced(catalogue, tmp_path, run_here):
    arguments = ("Fox & hen! + “night”:0.5 --seed 3 --iterations 1", *TINY)
    first = run_here(catalogue, *arguments)
    assert first.stdout == "Picture: fox-hen-night-3.png\n"
    before = contents(tmp_path)
    second = run_here(catalogue, *arguments, "--quiet")
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert sorted(map(str, after)) == ["fox-hen-night-3-2.png", "fox-hen-night-3.png"]


def test_choices_are_painted_one_after_the_other(catalogue, tmp_path, run_here):
    arguments = ("a {red, blue} fox --no fog", "--no", "snow", "--iterations", "1", *TINY)
    done = run_here(catalogue, *arguments, "-o", "fox.png", "--json")
    assert done.returncode == 0
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(report["path"], report["request"]["prompt"]) for report in reports] == [
        ("fox.png", "a red fox + fog:-0.5 + snow:-0.5"),
        ("fox-2.png", "a blue fox + fog:-0.5 + snow:-0.5"),
    ]
    assert sorted(map(str, contents(tmp_path))) == ["fox-2.png", "fox.png"]
    assert "Picture 2 of 2: a blue fox" in done.stderr


def test_a_count_paints_as_many_seeds_into_numbered_files(catalogue, tmp_path, run_here):
    arguments = ("a fox", "--count", "3", "--seed", "7", "--iterations", "1", *TINY)
    done = run_here(catalogue, *arguments, "-o", "fox.png", "--json")
    assert done.returncode == 0
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    files = ["fox-1.png", "fox-2.png", "fox-3.png"]
    assert [(each["path"], each["seed"]) for each in reports] == list(
        zip(files, (7, 8, 9), strict=True)
    )
    assert sorted(map(str, contents(tmp_path))) == files
    assert "Picture 3 of 3: a fox" in done.stderr
    assert {each["request"].get("count") for each in reports} == {None}


def test_it_starts_from_a_picture_and_says_what_it_changed(catalogue, folder, run_here):
    words = "very " * 90
    done = run_here(
        catalogue,
        words,
        "--init-image",
        "mine.png",
        "--size",
        "31x20",
        *TINY,
        "--iterations",
        "2",
        "-o",
        "new.png",
        "--video",
        "new.gif",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["size"] == [32, 20]
    assert len(report["notices"]) == 2
    assert "multiples of 2" in report["notices"][0]
    assert "longer than" in report["notices"][1]
    assert done.stderr.splitlines()[:2] == report["notices"]
    assert len(report["request"]["init_image"]) == 64
    with opened(folder / "new.gif") as video:
        assert video.size == (32, 20)
    assert time_of(folder / "new.gif") == 3 * 200 + 2000


def test_it_paints_like_pictures_with_and_without_words(catalogue, folder, run_here):
    Image.new("RGB", (8, 8), "blue").save(folder / "blue.png")
    arguments = (*TINY, "--iterations", "1", "--like", "mine.png:0.5", "-o", "new.png", "--json")
    done = run_here(catalogue, "--like", "blue.png:-1:0.5", *arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    like = report["request"]["like"]
    assert [(each["weight"], each.get("stop")) for each in like] == [(-1, 0.5), (0.5, None)]
    assert set(report["losses"]) == {"total", *(f"like {each['picture'][:8]}" for each in like)}
    done = run_here(catalogue, "a fox", *arguments)
    losses = json.loads(done.stdout)["losses"]
    assert set(losses) == {"total", "a fox", f"like {like[1]['picture'][:8]}"}
    with opened(folder / "new.png") as image:
        assert request_from_json(image.text["imagine-bot request"]).like is not None


def test_it_paints_in_the_regions_of_masks(catalogue, folder, run_here):
    Image.new("L", (8, 8), "white").save(folder / "hill.png")
    arguments = (*TINY, "--iterations", "1", "-o", "new.png", "--json")
    done = run_here(catalogue, "a castle @hill + sky @top", "--region", "Hill=hill.png", *arguments)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert set(report["losses"]) == {"a castle @hill", "sky @top", "total"}
    assert report["request"]["regions"][0]["name"] == "hill"


def test_each_step_to_the_mask_is_a_picture(catalogue, folder, run_here):
    given = ("--init-image", "mine.png", "--where", "a fox -> a star", "--threshold", "0.5")
    arguments = (*given, *TINY, "--iterations", "1", "-o", "new.png", "--json")
    done = run_here(catalogue, *arguments, "--show-mask", "steps")
    assert done.returncode == 0, done.stderr
    names = ["1-scores.png", "2-refined.png", "4-mask.png", "5-marked.png"]
    assert json.loads(done.stdout)["mask"] == [f"steps/{name}" for name in names]
    assert sorted(path.name for path in (folder / "steps").iterdir()) == names
    with opened(folder / "mine.png") as mine:
        size = mine.size
    scores, refined, mask, marked = (_copied(folder / "steps" / name) for name in names)
    assert {scores.size, refined.size, mask.size, marked.size} == {size}
    assert {scores.mode, refined.mode, mask.mode} == {"L"}
    assert np.ptp(np.asarray(scores)) > 200
    inside = np.asarray(mask) > 127
    assert 0 < inside.mean() < 1
    assert np.asarray(refined)[inside].mean() > np.asarray(refined)[~inside].mean()
    # The mask is one that --mask takes.
    again = ("a star", "--init-image", "mine.png", "--mask", "steps/4-mask.png", *TINY)
    done = run_here(catalogue, *again, "--iterations", "1", "-o", "it.png", "--show-mask", "own")
    assert done.returncode == 0, done.stderr
    assert "Mask: own/4-mask.png\nMask: own/5-marked.png\n" in done.stdout
    assert np.array_equal(np.asarray(_copied(folder / "own" / "4-mask.png")) > 127, inside)


def _copied(path):
    with opened(path) as image:
        return image.copy()


def test_a_story_follows_a_sound_and_its_schedule_is_printed(catalogue, folder, run_here):
    with wave.open(str(folder / "song.wav"), "wb") as song:
        song.setparams((1, 1, 8000, 0, "NONE", ""))
        song.writeframes(bytes([128] * 100 + [255] * 100))
    arguments = (*TINY, "--iterations", "4", "--zoom", "1.1", "--every", "1", "-o", "new.png")
    done = run_here(
        catalogue, "a calm sea ^ a storm", "--sound", "song.wav", "--video", "new.webp", *arguments
    )
    assert done.returncode == 0, done.stderr
    table = done.stderr[done.stderr.index("The sound's schedule:") :].splitlines()
    assert [line.split() for line in table[1:6]] == [
        ["iteration", "a", "calm", "sea", "a", "storm"],
        ["0", "1.00", "0.00"],
        ["1", "1.00", "0.00"],
        ["2", "0.00", "1.00"],
        ["3", "0.00", "1.00"],
    ]
    with opened(folder / "new.png") as image:
        request = request_from_json(image.text["imagine-bot request"])
    assert (request.zoom, request.every, len(request.loudness or ())) == (1.1, 1, 200)
    assert time_of(folder / "new.webp") == 5 * 200 + 2000
    done = run_here(catalogue, "a ^ b", "--sound", "notes.txt", *arguments)
    assert "notes.txt: The sound can't be read; save it as a WAV file" in done.stderr


def test_a_steered_picture_says_how_and_is_painted_again_from_its_file(catalogue, folder, run_here):
    steps = ("--steer", "1: a blue circle", "--steer", "2: longer: 1")
    done = run_here(
        catalogue, "a red circle", *steps, *TINY, "--iterations", "3", "-o", "steered.png"
    )
    assert done.returncode == 0, done.stderr
    assert "At iteration 1: a blue circle\nAt iteration 2: longer: 1" in done.stderr
    with opened(folder / "steered.png") as image:
        request = request_from_json(image.text["imagine-bot request"])
    assert [str(each) for each in request.steering or ()] == ["1: a blue circle", "2: longer: 1"]
    again = run_here(catalogue, "--from", "steered.png", "-o", "again.png")
    assert again.returncode == 0, again.stderr
    assert _copied(folder / "again.png").tobytes() == _copied(folder / "steered.png").tobytes()
    wrong = run_here(catalogue, "a red circle", "--steer", "a blue circle", *TINY)
    assert "has no iteration" in wrong.stderr


def test_with_strength_0_the_picture_itself_comes_back_without_a_model(catalogue, folder, run_here):
    with opened(folder / "mine.png") as image:
        mine = image.convert("RGB")
    arguments = ("a fox", "--init-image", "mine.png", "--strength", "0", "--seed", "5")
    # "torn" is a model that cannot be read.
    done = run_here(catalogue, *arguments, "--model", "torn", *OUTPUTS, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["size"], report["iterations"], report["losses"]) == ([30, 20], 0, {})
    assert (report["path"], report["seed"], report["stopped"]) == ("out.png", 5, False)
    assert "strength 0" in report["notices"][0]
    with opened(folder / "out.png") as image:
        assert image.convert("RGB").tobytes() == mine.tobytes()
        assert request_from_json(image.text["imagine-bot request"]).strength == 0
    with av.open(str(folder / "video.mp4")) as video:
        assert video.streams.video[0].width == 30
    with opened(folder / "preview.png") as preview:
        assert preview.size == (30, 20)
    assert_refused(run_here(catalogue, *arguments, "--model", "nobody"), "tiny")


def test_the_picture_to_start_from_is_replaced_only_if_asked(catalogue, folder, run_here):
    Image.new("RGB", (300, 200), (200, 40, 30)).save(folder / "mine.png")
    before = (folder / "mine.png").read_bytes()
    arguments = ("a fox", "--init-image", "mine.png", *TINY, "--iterations", "1")
    done = run_here(catalogue, *arguments, "-o", "mine.png", "--overwrite", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["size"] == [300, 200]
    assert "enlarged to 300x200" in " ".join(report["notices"])
    assert (folder / "mine.png").read_bytes() != before
    with opened(folder / "mine.png") as image:
        assert image.size == (300, 200)
        assert json.loads(image.text["imagine-bot provenance"])["area"] == "0,0,300,200"
