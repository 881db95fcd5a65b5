// The pages of a study, from consent to the file with the answers. `study` is in study.js, `orderOf` in order.js.
"use strict";

const $ = (id) => document.getElementById(id);
const SCORES = ["bad", "poor", "fair", "good", "excellent"];
const FIXATION = 500; // milliseconds between an answer and the next pictures
const KEY = `tfi2i-study-${study.id}`;

const frame = () => new Promise(requestAnimationFrame);
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// What is remembered: { participant, answers, pending, views, sent }; views of the pictures of trial number `pending`.

function restored() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    if (kept?.participant) return kept;
  } catch {
    // Nothing is kept where the browser forbids it; the study works until the page is loaded again.
  }
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const participant = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { participant, answers: [], pending: 0, views: 0, sent: false };
}

function save() {
  try {
    localStorage.setItem(KEY, JSON.stringify(state));
  } catch {
    // As above.
  }
}

const state = restored();
const order = orderOf(study, state.participant);

// Pages

function show(id) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== id;
  $("bar").hidden = !["trial", "pause"].includes(id);
  window.scrollTo(0, 0);
}

function paragraphs(id, texts) {
  $(id).replaceChildren(...texts.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
}

/** Waits for a click on a button, or for Enter. */
function pressed(button) {
  return new Promise((done) => {
    const finish = () => {
      document.removeEventListener("keydown", onKey);
      button.removeEventListener("click", finish);
      done();
    };
    const onKey = (event) => {
      if (event.key !== "Enter" || event.repeat || button.disabled) return;
      event.preventDefault(); // a focused button would be clicked as well
      finish();
    };
    document.addEventListener("keydown", onKey);
    button.addEventListener("click", finish);
  });
}

function instructions() {
  const seconds = study.exposure === 1 ? "1 second" : `${study.exposure} seconds`;
  const { practice, checks } = study.groups[order.group];
  const some = checks.length ? " A few are there to see that you are looking." : "";
  if (study.kind === "real_or_fake") {
    return [
      "You will see two pictures side by side. One is real, the other one was made by a computer. " +
        (study.exposure ? `Both disappear after ${seconds}; then take as long as you like.` : "Take your time."),
      "Choose the one that you think was real: with the arrow keys ← and →, or by clicking or tapping." + some,
      ...(practice.length ? [`In the first ${practice.length} you are told whether you were right.`] : []),
    ];
  }
  const keys = (last) => `with the keys 1 to ${last}, or by clicking or tapping.${some}`;
  if (study.kind === "preference") {
    return [
      `You will see a picture and below it what ${study.groups[0].trials[0][0].pictures.length} computer programs made of it.`,
      `Choose the one that answers the question best: ${keys(study.groups[0].trials[0][0].pictures.length)} Take your time.`,
    ];
  }
  return [`You will see one picture at a time. Give each a number from 1, bad, to 5, excellent: ${keys(5)} Take your time.`];
}

async function welcome() {
  const begun = state.answers.length > 0;
  paragraphs("about", begun ? ["Welcome back. Your answers so far are still here."] : study.about);
  paragraphs("instructions", instructions());
  $("agree").checked = begun;
  $("start").disabled = !begun;
  $("agree").onchange = () => ($("start").disabled = !$("agree").checked);
  show("welcome");
  await pressed($("start"));
}

async function interlude(title, texts, examples = []) {
  $("pause-title").textContent = title;
  paragraphs("pause-text", texts);
  $("examples").replaceChildren(...examples);
  show("pause");
  await pressed($("next"));
}

// Pictures

const loaded = new Map(); // name -> promise of a decoded image

function picture(name) {
  if (!loaded.has(name)) {
    const image = new Image();
    image.decoding = "sync";
    image.alt = "";
    image.draggable = false;
    image.src = `pictures/${name}.png`;
    const ready = image.decode().then(
      () => {
        // Small pictures are enlarged, large ones only ever made smaller to fit.
        image.style.setProperty("--width", `${Math.max(256, image.naturalWidth)}px`);
        return image;
      },
      () => {
        throw new Error(`the picture ${image.src} could not be loaded; is the network there?`);
      },
    );
    ready.catch(() => {}); // told when it is its turn
    loaded.set(name, ready);
  }
  return loaded.get(name);
}

const picturesOf = ({ trial, shown }) => [...shown, ...(trial.input ? [trial.input] : [])];

/** Loads what is still to come, in its order, a few at a time. */
async function preload() {
  const names = order.steps.slice(state.answers.length).flatMap(picturesOf);
  const worker = async () => {
    while (names.length) await picture(names.shift()).catch(() => {});
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

/** A picture or a text in its place, which stays when it is hidden. */
function framed(content, label = "") {
  const box = document.createElement("figure");
  box.className = "frame";
  const place = document.createElement("div");
  place.append(content);
  box.append(place);
  if (label) box.append(Object.assign(document.createElement("figcaption"), { textContent: label }));
  return box;
}

// Trials

/** The buttons of a trial: [{ key, text, hint }]. */
function choicesOf({ trial, shown }) {
  if (study.kind === "real_or_fake") {
    return [
      { key: "ArrowLeft", text: "Left", hint: "←" },
      { key: "ArrowRight", text: "Right", hint: "→" },
    ];
  }
  if (study.kind === "preference") return shown.map((_, k) => ({ key: `${k + 1}`, text: "This one", hint: `${k + 1}` }));
  return SCORES.map((text, k) => ({ key: `${k + 1}`, text, hint: `${k + 1}` }));
}

/** Waits for one of the choices, by its key or its button; returns its number. */
function chosen(choices, buttons) {
  return new Promise((done) => {
    const finish = (k) => {
      document.removeEventListener("keydown", onKey);
      for (const button of buttons) button.disabled = true;
      done(k);
    };
    const onKey = (event) => {
      const k = choices.findIndex(({ key }) => key === event.key);
      if (k < 0 || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      finish(k);
    };
    document.addEventListener("keydown", onKey);
    buttons.forEach((button, k) => {
      button.disabled = false;
      button.onclick = () => finish(k);
    });
  });
}

/** Shows the stage for so many seconds and hides it again; returns how long that was, in milliseconds, by the frames. */
async function exposed(seconds) {
  const stage = $("stage");
  const begin = await frame();
  stage.classList.remove("blank");
  let now = begin;
  let last = begin;
  // It ends with the frame that is nearest to the time.
  while (now - begin + (now - last) / 2 < 1000 * seconds) {
    last = now;
    now = await frame();
  }
  stage.classList.add("blank");
  return now - begin;
}

async function ask(step, number) {
  const { trial, shown } = step;
  const choices = choicesOf(step);
  const images = await Promise.all(shown.map(picture));
  const input = trial.input && (await picture(trial.input));
  const timed = study.kind === "real_or_fake" && study.exposure > 0;

  $("progress").value = number / order.steps.length;
  $("count").textContent = `${number + 1} of ${order.steps.length}`;
  $("question").textContent = timed ? "Look at both pictures" : study.question;
  $("feedback").replaceChildren();
  $("input").replaceChildren(...(input ? [framed(input)] : []));
  const buttons = choices.map(({ text, hint }) => {
    const button = document.createElement("button");
    button.append(text, Object.assign(document.createElement("kbd"), { textContent: hint }));
    button.disabled = true;
    return button;
  });
  const frames = images.map((image) => framed(image));
  if (trial.ask) frames.push(framed(Object.assign(document.createElement("p"), { textContent: askedFor(trial.ask) })));
  // A choice that is a picture has its button below it.
  const beside = study.kind !== "mos";
  if (beside) frames.forEach((box, k) => box.append(buttons[k]));
  $("stage").replaceChildren(...frames);
  $("stage").className = `${study.kind} blank`;
  $("stage").style.setProperty("--choices", frames.length);
  $("answers").replaceChildren(...(beside ? [] : buttons));
  show("trial");

  await pause(FIXATION);
  if (state.pending !== number) Object.assign(state, { pending: number, views: 0 });
  state.views += 1;
  save();
  let exposure = null;
  if (timed) {
    exposure = await exposed(study.exposure);
    $("question").textContent = study.question;
  } else {
    await frame();
    $("stage").classList.remove("blank");
  }
  const since = performance.now();
  const k = await chosen(choices, buttons);
  buttons[k].classList.add("chosen");
  state.answers.push({
    trial: trial.id,
    shown,
    answer: study.kind === "mos" ? k + 1 : shown[k],
    exposure_ms: exposure === null ? null : Math.round(exposure),
    views: state.views,
    response_ms: Math.round(performance.now() - since),
  });
  save();
  if (step.practice) await tell(trial, shown, k);
}

const askedFor = (score) => `This is to see that you are looking: please give this one a ${score}.`;

/** The feedback of practice. */
async function tell(trial, shown, k) {
  const right = shown[k] === trial.real;
  const side = shown.indexOf(trial.real) === 0 ? "left" : "right";
  const text = document.createElement("span");
  text.className = right ? "right" : "wrong";
  text.textContent = `${right ? "Right" : "Wrong"}: the ${side} one was real.`;
  const button = document.createElement("button");
  button.className = "primary";
  button.append("Next", Object.assign(document.createElement("kbd"), { textContent: "Enter" }));
  $("feedback").replaceChildren(text, button);
  button.scrollIntoView({ block: "nearest" });
  await pressed(button);
}

// The end

function result() {
  const { participant, answers } = state;
  return { format: 1, study: study.id, kind: study.kind, participant, group: order.group, answers };
}

async function send() {
  $("again").hidden = true;
  $("sent").textContent = "Your answers are being sent …";
  try {
    // As text: browsers send JSON to another server only after it has answered a question of theirs.
    const response = await fetch(study.post, {
      method: "POST",
      headers: { "Content-Type": "text/plain;charset=UTF-8" },
      body: JSON.stringify(result()),
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    state.sent = true;
    save();
    $("sent").textContent = "Your answers were sent. You can close this page.";
  } catch (error) {
    $("sent").textContent =
      `Your answers may not have arrived (${error.message}). ` +
      "Please download them and send the file to those who invited you.";
    $("again").hidden = false;
  }
}

async function end() {
  const { participant } = state;
  $("participant").textContent = participant;
  $("download").download = `study-${study.id}-${participant}.json`;
  $("download").href = URL.createObjectURL(new Blob([JSON.stringify(result())], { type: "application/json" }));
  $("sent").textContent = "Please download your answers and send the file to those who invited you.";
  $("again").onclick = send;
  show("end");
  if (state.sent) $("sent").textContent = "Your answers were sent. You can close this page.";
  else if (study.post) await send();
}

/** Both ends of the scale, before the first opinion; as large as the pictures that are asked about. */
async function examples(pairs) {
  for (const [k, pair] of pairs.entries()) {
    const [worst, best] = await Promise.all(pair.map(picture));
    const ends = [framed(worst, "1, bad"), framed(best, "5, excellent")];
    await interlude(`Example ${k + 1} of ${pairs.length}`, ["So bad is a 1, so good is a 5."], ends);
  }
}

async function main() {
  const { steps } = order;
  if (state.answers.length < steps.length) {
    preload();
    await welcome();
    if (!state.answers.length) await examples(study.groups[order.group].examples ?? []);
  }
  for (let k = state.answers.length; k < steps.length; k++) {
    if (!steps[k].practice && k && steps[k - 1].practice) {
      await interlude("That was the practice", [`${steps.length - k} more to go, now without being told who is right.`]);
    }
    await ask(steps[k], k);
  }
  await end();
}

main().catch((error) => {
  $("reason").textContent = `It says: ${error.message}`;
  show("failed");
});
