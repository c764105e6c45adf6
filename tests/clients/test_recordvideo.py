"""Gymnasium's RecordVideo, with moviepy, films the first slots of every problem; ffmpeg reads the film back."""

import warnings

import gymnasium
import numpy as np
import pytest

from dtbench.envs.render import FPS
from dtbench.problems import all_problems

STEPS = 3
LOSS = 6.0  # of a film's coding, mean over pixels

pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def frames_of(file):
    """Frames (T, height, width, 3) and frames per second of a film."""
    import imageio_ffmpeg

    reader = imageio_ffmpeg.read_frames(str(file))
    meta = next(reader)
    width, height = meta["size"]
    return np.stack([np.frombuffer(each, np.uint8).reshape(height, width, 3) for each in reader]), meta["fps"]


@pytest.mark.parametrize("id", all_problems())
def test_slots_become_a_film(library, tmp_path, id):
    library("moviepy", what="Gymnasium's RecordVideo on `rgb_array` frames, read back by ffmpeg")
    from gymnasium.wrappers import RecordVideo

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        env = RecordVideo(gymnasium.make(f"dtbench/{id}-tiny-v0", render_mode="rgb_array"), str(tmp_path))
        env.reset(seed=1)
        env.action_space.seed(1)
        first = env.render()
        for _ in range(STEPS):
            env.step(env.action_space.sample())
        last = env.render()
        env.close()
    (file,) = tmp_path.glob("*.mp4")
    film, fps = frames_of(file)
    assert fps == FPS
    assert film.shape == (STEPS + 1, *first.shape)
    assert np.abs(film[0].astype(int) - first).mean() < LOSS
    assert np.abs(film[-1].astype(int) - last).mean() < LOSS < np.abs(film[0].astype(int) - last).mean()
