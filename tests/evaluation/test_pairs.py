"""Pairs of picture files: which belongs to which, what is measured of them, and what is wrong with them."""

import numpy as np
import pytest

from tfi2i.data.images import write
from tfi2i.errors import UserError
from tfi2i.evaluation.pairs import pair_metrics, pairs_of_folders
from tfi2i.evaluation.similarity import METRICS, Metric


def picture(level, height=12, width=16, channels=3):
    return np.full((height, width, channels), level, np.uint8)


def folders(tmp_path, real, fake):
    """Two folders with the pictures of {name: pixels}."""
    for kind, pictures in (("real", real), ("fake", fake)):
        (tmp_path / kind).mkdir()
        for name, pixels in pictures.items():
            write(tmp_path / kind / name, pixels)
    return tmp_path / "real", tmp_path / "fake"


def test_folders_are_matched_by_name(tmp_path):
    names = {f"{k}.png": picture(k) for k in (10, 9, 1)}
    fakes = {f"{k}.bmp": picture(k + 100) for k in (1, 9, 10)}
    real, fake = pairs_of_folders(*folders(tmp_path, names, fakes))
    assert [real[i][0, 0, 0] for i in range(len(real))] == [1, 9, 10]
    assert [fake[i][0, 0, 0] for i in range(len(fake))] == [101, 109, 110]
    assert fake.name(2).endswith("10.bmp")


def test_the_official_programs_results_are_matched(tmp_path):
    for kind, level in {"real_A": 1, "fake_B": 2, "real_B": 3}.items():
        for name in ("cat_fake_B", "7"):
            write(tmp_path / f"{name}_{kind}.png", picture(level + 10 * (name == "7")))
    real, fake = pairs_of_folders(tmp_path / "*_real_B.png", tmp_path / "*_fake_B.png")
    assert [(real[i][0, 0, 0], fake[i][0, 0, 0]) for i in range(len(real))] == [(13, 12), (3, 2)]


def test_metrics_over_pairs(tmp_path):
    """Differences of 0.2 and 0.4 of white, one picture grey and one with 16 bits."""
    real = {"a.png": picture(102, channels=1), "b.png": picture(204).astype(np.uint16) * 257}
    pairs = pairs_of_folders(*folders(tmp_path, real, {"a.png": picture(153), "b.png": picture(102)}))
    found = pair_metrics(*pairs, metrics=METRICS.keys() - {"MS-SSIM"})
    assert found["L1"] == pytest.approx({"value": 0.6, "std": 0.2, "low": 0.4, "high": 0.8, "n": 2})
    assert found["PSNR"]["value"] == pytest.approx(10 * np.log10([25, 25 / 4]).mean())
    assert found == pair_metrics(*pairs, metrics=METRICS.keys() - {"MS-SSIM"})
    assert pair_metrics(*pairs).keys() == {"L1", "PSNR", "SSIM"}


def test_one_pair_at_a_time():
    class Counted(list):
        asked = 0

        def __getitem__(self, i):
            self.asked += 1
            return super().__getitem__(i)

    real, fake = (Counted([picture(k) for k in range(5)]) for _ in range(2))
    pair_metrics(real, fake, metrics=("L1", "PSNR_Y", "SSIM"))
    assert real.asked == fake.asked == 5


def test_lpips_is_measured_with_the_others():
    class Network:
        metric = Metric(lambda x, y, crop: float(x[0, 0, 0]) + crop, "", 0, 9, "lower", 1, "")

    found = pair_metrics([picture(1), picture(2)], [picture(3), picture(3)], ("L1",), lpips=Network(), crop=2)
    assert found["LPIPS"]["value"] == 3.5 and found.keys() == {"L1", "LPIPS"}


def test_equal_pictures():
    real, fake = [picture(1), picture(2)], [picture(1), picture(1)]
    found = pair_metrics(real, fake, ("PSNR", "SSIM"))
    assert found["PSNR"]["value"] == float("inf") and np.isnan(found["PSNR"]["low"]) and found["PSNR"]["n"] == 2
    assert found["SSIM"]["high"] == pytest.approx(1.0)


def test_what_is_wrong_with_the_files(tmp_path):
    fine = {f"{k}.png": picture(k) for k in range(9)}
    few = dict(list(fine.items())[:2])
    real, fake = folders(tmp_path, fine, few)
    with pytest.raises(UserError, match=r"7 images without a partner of the same name: .*2.png, .*6.png, \.\.\.; ren"):
        pairs_of_folders(real, fake)
    with pytest.raises(UserError, match="no images here"):
        pairs_of_folders(real, tmp_path / "nowhere")
    for k in range(2, 9):
        (real / f"{k}.png").unlink()
    write(fake / "1.png", picture(1, width=17))
    with pytest.raises(UserError, match=r"real/1.png and .*fake/1.png: .*received 12 x 16 and 12 x 17"):
        pair_metrics(*pairs_of_folders(real, fake))
    (fake / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(UserError, match=r"fake/1.png: cannot be read as an image"):
        pair_metrics(*pairs_of_folders(real, fake))
    write(fake / "1.jpg", picture(1))
    with pytest.raises(UserError, match="two images for one name"):
        pairs_of_folders(real, fake)


def test_what_is_asked_for_in_vain():
    with pytest.raises(UserError, match=r"expected some of L1, PSNR.*received FID"):
        pair_metrics([picture(1)], [picture(1)], ("L1", "FID"))
    with pytest.raises(UserError, match="received 1 and 2"):
        pair_metrics([picture(1)], [picture(1)] * 2)
    with pytest.raises(UserError, match="received 0 and 0"):
        pair_metrics([], [])
    with pytest.raises(UserError, match=r"picture 0: MS-SSIM needs at least 161 x 161 .*received 12 x 16"):
        pair_metrics([picture(1)], [picture(1)], ("MS-SSIM",))
