"""The browser of the tests that need one."""

import os
import shutil
from contextlib import contextmanager

import pytest

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--disable-dev-shm-usage --use-fake-device-for-media-stream"
)


def absent(what):
    """Skips where a browser is no part of the machine; in CI it must be."""
    if os.environ.get("TFI2I_CI"):
        pytest.fail(f"{what} (TFI2I_CI is set, so the browser tests must run)")
    pytest.skip(what)


@contextmanager
def driver(profile):
    """A headless Chromium whose profile lies in the folder `profile`, as Selenium's driver, with all that it logs."""
    try:
        from selenium import webdriver
    except ImportError:
        absent("selenium is not installed")
    found = {
        "Chromium": next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None),
        "chromedriver": shutil.which("chromedriver"),
    }
    for name, path in found.items():
        if path is None:
            absent(f"{name} is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = found["Chromium"]
    options.add_argument(f"--user-data-dir={profile}")
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(found["chromedriver"]))
    browser.set_script_timeout(60)
    try:
        yield browser
    finally:
        browser.quit()
