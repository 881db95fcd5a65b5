"""The pictures and the page that a run leaves."""

import json
import re

import numpy as np

from tfi2i.training.records import Records, grid, write_gallery


def test_grid_places_images_of_different_sizes():
    small, large = np.zeros((2, 3, 3), np.uint8), np.full((4, 5, 3), 7, np.uint8)
    picture = grid([[small, large], [large]], gap=1)
    assert picture.shape == (9, 11, 3)
    assert (picture[:2, :3] == 0).all() and (picture[:4, 6:] == 7).all() and (picture[5:, :5] == 7).all()
    assert (picture[2:4, :3] == 255).all() and (picture[5:, 6:] == 255).all()


def test_what_was_logged_after_the_checkpoint_is_dropped(tmp_path):
    records = Records(tmp_path, ("loss",))
    for step in (5, 10, 15):
        records.log(step, {"loss": step / 2})
    with (tmp_path / "logs" / "metrics.csv").open("a") as file:
        file.write("20,1")  # cut off while it was written
    Records(tmp_path, ("loss",), step=10)
    assert (tmp_path / "logs" / "metrics.csv").read_text() == "step,loss\n5,2.5\n10,5\n"


def test_the_gallery_holds_its_data_and_nothing_breaks_out_of_it(tmp_path):
    run = tmp_path / "<i>run"
    run.mkdir()
    records = Records(run, ("a</script>",))
    records.log(1, {"a</script>": 0.5})
    records.sample(1, [[np.zeros((4, 4, 3), np.uint8)]])
    write_gallery(run)
    page = (run / "samples" / "index.html").read_text()
    assert "<title>&lt;i&gt;run</title>" in page and page.count("</script>") == 1
    data = json.loads(re.search(r"const data = (.*);", page)[1])
    assert data["pictures"] == ["step_00000001.png"] and data["rows"] == [[1.0, 0.5]]
