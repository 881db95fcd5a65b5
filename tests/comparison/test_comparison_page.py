"""The page of a comparison in headless Chromium, from the file system."""

import json

import chromium
import pytest

from tfi2i.comparison import compare


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.driver(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


def test_the_page(browser, pair, tmp_path):
    from selenium.webdriver.common.keys import Keys

    for run, l1 in zip(pair, (0.25, 0.5), strict=True):
        record = {"values": {"BtoA": {"L1": {"value": l1, "low": l1, "high": l1, "n": 3}}}, "protocol": "By <hand>."}
        (run / "evaluation.json").write_text(json.dumps(record))
    try:
        out = compare(pair, tmp_path / "a report", count=2, progress=False)
    finally:
        for run in pair:
            (run / "evaluation.json").unlink()
    js = browser.execute_script

    def scheme(name):
        media = {"features": [{"name": "prefers-color-scheme", "value": name}]}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        return js("return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]")

    def size(width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def visible(name):
        return js(f"return document.querySelector('.{name}').checkVisibility()")

    size(1280, 900)
    browser.get((out / "index.html").as_uri())
    # All pictures are there, and nothing but files of the report was asked for.
    js("document.querySelectorAll('details').forEach((part) => part.open = true)")
    js("document.querySelectorAll('img').forEach((image) => image.loading = 'eager')")
    loaded = browser.execute_async_script(
        "const done = arguments[0], images = [...document.querySelectorAll('a.zoom img')];"
        "Promise.all(images.map((image) => image.decode().then(() => [], () => [image.src])))"
        ".then((found) => done([images.length, ...found.flat()]))"
    )
    plots = len(list((out / "curves").iterdir()))
    # Two inputs both ways with their truths; one answer with its map one way, two the other.
    assert loaded == [2 * (2 + 2 + 2 + 4) + plots]
    log = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [message["params"] for message in log if message["method"] == "Network.requestWillBeSent"]
    urls = {sent["request"]["url"] for sent in asked if sent["documentURL"].startswith(out.as_uri())}
    assert len(urls) == loaded[0] + 1 and all(url.startswith(out.as_uri()) for url in urls)
    assert browser.get_log("browser") == []
    # The best number stands out.
    assert js("return [...document.querySelectorAll('.scores td b')].map((best) => best.textContent)") == ["0.2500"]
    # A click enlarges; the keys walk.
    links = js("return [...document.querySelectorAll('#BtoA a.zoom')].map((link) => link.href)")
    js("document.querySelectorAll('#BtoA a.zoom')[0].click()")
    body = browser.switch_to.active_element

    def enlarged():
        return js("return document.getElementById('light').open && document.querySelector('#light img').src")

    assert enlarged() == links[0]
    body.send_keys(Keys.ARROW_RIGHT)
    assert enlarged() == links[1]
    assert js("return document.querySelector('#light p').textContent") == "test_0000 as pix2pix translates it"
    body.send_keys(Keys.ARROW_DOWN)
    assert enlarged().endswith("0002_1_pix2pix.png")
    body.send_keys(Keys.ARROW_UP, Keys.ARROW_LEFT)
    assert enlarged() == links[0]
    body.send_keys(Keys.ESCAPE)
    assert not enlarged()
    # The differences can be put away.
    assert visible("difference")
    js("document.querySelectorAll('.with-differences').forEach((box) => box.click())")
    assert not visible("difference")
    # Light and dark differ; nothing is wider than a phone.
    assert scheme("light") != scheme("dark")
    size(390, 800)
    assert js("return document.documentElement.scrollWidth") <= 390
