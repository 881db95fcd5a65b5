"""The pages of a study in headless Chromium, from the first to the report."""

import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import chromium
import pytest
from study.participants import published, put

from tfi2i.study import report

EXPOSURE = 0.12
# The pause before each trial is for people, and here the participant's number is the same each time.
HURRY = (
    "Object.defineProperty(window, 'setTimeout', { value: (done) => queueMicrotask(done) });"
    "crypto.getRandomValues = (bytes) => bytes.fill(7);"
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium.driver(tmp_path_factory.mktemp("profile")) as driver:
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": HURRY})
        yield driver


class Handler(BaseHTTPRequestHandler):
    """Keeps what is sent to it; to /silent it answers as servers do that don't know of other sites."""

    def do_POST(self):
        self.server.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"])), self.headers))
        self.send_response(500 if self.path == "/broken" else 200)
        if self.path != "/silent":
            self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()

    def log_message(self, *_):
        pass


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def inbox():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.received = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


class Visitor:
    """Somebody at the page: presses keys when the page waits for one, and remembers what was seen."""

    def __init__(self, browser, url):
        self.browser = browser
        browser.get(url)
        browser.execute_script("localStorage.clear()")
        browser.get(url)

    def js(self, body, *given):
        done = self.browser.execute_async_script(
            "const done = arguments[arguments.length - 1], given = [...arguments];"
            "const until = async (test) => { while (!test()) await new Promise(requestAnimationFrame); };"
            f"(async () => {{ {body} }})().then((value) => done({{ value }}), (e) => done({{ error: String(e) }}))",
            *given,
        )
        assert "error" not in done, done["error"]
        return done["value"]

    def begin(self):
        assert self.js("return $('start').disabled")
        self.browser.find_element("id", "agree").click()
        self.go_on()

    def go_on(self):
        """Leaves the first page."""
        self.press("Enter")
        self.js("await until(() => $('welcome').hidden)")

    def press(self, key):
        self.js("document.dispatchEvent(new KeyboardEvent('keydown', { key: given[0] }))", key)

    def waits(self):
        """What the page waits for: the id of a page, or "answer" or "feedback" of a trial, and that trial."""
        return self.js(
            "const open = () => [...document.querySelectorAll('main > section')].find((page) => !page.hidden)?.id;"
            "const ready = () => document.querySelector('#trial button:enabled');"
            "await until(() => open() && (open() !== 'trial' || ready()));"
            "const at = order.steps[state.answers.length - ($('feedback').children.length ? 1 : 0)];"
            "if (open() !== 'trial') return [open(), null];"
            "return [$('feedback').children.length ? 'feedback' : 'answer', at];"
        )

    def answer(self, choose, stop=None):
        """Goes through all trials; choose(trial, shown) -> a key. Stops before the trial number `stop`."""
        seen, count = [], 0
        while True:
            page, at = self.waits()
            seen.append(page)
            if page == "end" or count == stop:
                return seen
            if page == "answer":
                count += 1
                self.press(choose(at["trial"], at["shown"]))
            else:
                self.press("Enter")

    def result(self):
        """The contents of the file that the page offers."""
        return self.js("return await (await fetch($('download').href)).text()")


def ways_of(study):
    return {id: trial["pictures"] for id, trial in json.loads((study / "key.json").read_text())["trials"].items()}


def test_which_is_real_from_the_first_page_to_the_report(made, browser, inbox):
    post = f"http://127.0.0.1:{inbox.server_port}/results"
    study = made("real_or_fake", "--practice=2", "--checks=1", f"--exposure={EXPOSURE}", f"--post={post}")
    ways, site, fooled = ways_of(study), study / "site", []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = f"http://127.0.0.1:{server.server_port}/index.html"
        visitor = Visitor(browser, page)
        assert "1 second" not in visitor.js("return $('instructions').innerText")
        visitor.begin()

        def fooled_by_every_other(trial, shown):
            pictures = ways[trial["id"]]
            real = next(k for k, name in enumerate(shown) if pictures[name] == "real")
            counts = "noise" not in pictures.values() and "real" not in trial
            fooled.append(counts and sum(map(bool, fooled)) < 3)
            return ["ArrowLeft", "ArrowRight"][real != fooled[-1]]

        seen = visitor.answer(fooled_by_every_other, stop=4)
        assert seen == ["answer", "feedback", "answer", "feedback", "pause", "answer", "answer", "answer"]
        before = visitor.js("return state.answers")
        browser.get(page)  # as after an accident
        assert "Welcome back" in visitor.js("return $('about').innerText")
        assert visitor.js("return state.answers") == before and len(before) == 4
        visitor.go_on()
        assert visitor.answer(fooled_by_every_other)[-1] == "end"
        visitor.js("await until(() => state.sent)")
        assert "were sent" in visitor.js("return $('sent').innerText")
        origins = visitor.js(
            "return performance.getEntriesByType('resource').map((entry) => new URL(entry.name).origin)"
        )
        cookies = browser.get_cookies()
        server.shutdown()
    assert set(origins) <= {page.removesuffix("/index.html"), post.removesuffix("/results")} and not cookies
    (_, body, headers), record = inbox.received[-1], json.loads(visitor.result())
    assert json.loads(body) == record and headers["Referer"] is None and headers["Cookie"] is None
    assert record.keys() == {"format", "study", "kind", "participant", "group", "answers"}
    answers = record["answers"]
    assert [answer["views"] for answer in answers] == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert all(answer["exposure_ms"] >= 1000 * EXPOSURE - 17 for answer in answers)
    for answer in answers:  # a busy machine may have shown some for longer, which the report leaves out
        answer.update(exposure_ms=round(1000 * EXPOSURE), views=1)
    put(study, record)
    found = report(study)
    method = json.loads((study / "key.json").read_text())["groups"][record["group"]]
    value = found["values"][method]["labelled_real"]
    assert (value["value"], value["trials"], found["excluded"]) == (50.0, 6, 0)


def test_pictures_are_seen_for_their_time_and_only_then(made, browser):
    study = made("real_or_fake", "--practice=0", "--checks=0", f"--exposure={EXPOSURE}")
    visitor = Visitor(browser, (study / "site" / "index.html").as_uri())
    visitor.begin()
    visible, answered, hidden = visitor.js(
        "const seen = () => getComputedStyle(document.querySelector('#stage img') ?? document.body).visibility;"
        "const there = () => document.querySelector('#stage img');"
        "await until(() => there() && seen() === 'visible');"
        "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft' }));"  # too early
        "const loaded = [...document.querySelectorAll('#stage img')].every((i) => i.complete && i.naturalWidth);"
        "const answered = state.answers.length;"
        "await until(() => document.querySelector('#trial button:enabled'));"
        "return [loaded, answered, seen()];"
    )
    assert (visible, answered, hidden) == (True, 0, "hidden")


def test_preference_and_opinion_from_files_without_a_server(made, browser):
    study = made("preference", "--checks=2")
    ways = ways_of(study)
    visitor = Visitor(browser, (study / "site" / "index.html").as_uri())
    visitor.begin()

    def fancy(trial, shown):
        pictures = [ways[trial["id"]][name] for name in shown]
        return str(1 + pictures.index("fancy" if "fancy" in pictures else "plain"))

    assert set(visitor.answer(fancy)) == {"answer", "end"}
    put(study, json.loads(visitor.result()))
    found = report(study)
    assert {way: value["preferred"]["value"] for way, value in found["values"].items()} == {"plain": 0, "fancy": 100}
    places = [answer["shown"].index(answer["answer"]) for answer in json.loads(visitor.result())["answers"]]
    assert 0 < sum(places) < len(places)

    study = made("mos", "--practice=2", "--checks=2")
    ways, scores = ways_of(study), {"plain": "2", "fancy": "3", "real": "5"}
    visitor = Visitor(browser, (study / "site" / "index.html").as_uri())
    visitor.begin()
    seen = visitor.answer(lambda trial, shown: str(trial.get("ask") or scores[ways[trial["id"]][shown[0]]]))
    assert seen[:2] == ["pause"] * 2 and set(seen[2:]) == {"answer", "end"}
    put(study, json.loads(visitor.result()))
    found = report(study)
    assert {way: value["opinion"]["value"] for way, value in found["values"].items()} == {
        "plain": 2,
        "fancy": 3,
        "real": 5,
    }
    assert found["excluded"] == 0


@pytest.mark.parametrize("path, reason", [("/silent", "Failed to fetch"), ("/broken", "the server answered 500")])
def test_what_cannot_be_sent_is_a_file(made, browser, inbox, path, reason):
    post = f"http://127.0.0.1:{inbox.server_port}{path}"
    study = made("mos", "--practice=0", "--checks=0", "--trials=3", f"--post={post}")
    visitor = Visitor(browser, (study / "site" / "index.html").as_uri())
    visitor.begin()
    visitor.answer(lambda trial, shown: "3")
    visitor.js("await until(() => !$('again').hidden)")
    text = visitor.js("return $('sent').innerText")
    assert reason in text and "download" in text
    put(study, json.loads(visitor.result()))
    assert report(study)["participants"] == 1


def test_a_lost_picture_is_said(made, browser):
    study = made("mos", "--practice=0", "--checks=0", "--trials=3")
    for path in (study / "site" / "pictures").iterdir():
        path.unlink()
    visitor = Visitor(browser, (study / "site" / "index.html").as_uri())
    visitor.begin()
    visitor.js("await until(() => !$('failed').hidden)")
    assert ".png could not be loaded" in visitor.js("return $('reason').innerText")


def test_the_order_is_the_participants_own_and_even(made, browser):
    study = made("real_or_fake", "--practice=2", "--checks=1")
    Visitor(browser, (study / "site" / "index.html").as_uri())
    drawn = browser.execute_script(
        "return Array.from({ length: 400 }, (_, k) => orderOf(study, k.toString(16).padStart(16, '0')))"
    )
    again = browser.execute_script("return orderOf(study, '0000000000000007')")
    assert again == drawn[7]
    assert 150 < sum(order["group"] for order in drawn) < 250  # binomial: 200 +- 10
    told = published(study)["groups"]
    lefts, firsts = 0, set()
    for order in drawn:
        group, steps = told[order["group"]], order["steps"]
        assert [step["practice"] for step in steps] == [True] * 2 + [False] * 7
        ids = {trial["id"] for trial in [*group["practice"], *group["checks"], *(t for (t,) in group["trials"])]}
        assert {step["trial"]["id"] for step in steps} == ids
        lefts += sum(step["shown"] == sorted(step["shown"]) for step in steps)
        firsts.add(steps[2]["trial"]["id"])
    assert 1700 < lefts < 1900  # binomial: 1800 +- 30
    assert len(firsts) == 14  # six trials and a check in either group come first for somebody
