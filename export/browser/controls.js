// Controls of what a model takes besides a picture. Each has `element`, the `name` of its input, and `value()`.

import { between, draw, labelVector } from "./codes.js";

/** An element: its tag, properties, and what is in it. */
export function element(tag, properties = {}, ...content) {
  const { dataset, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  Object.assign(made.dataset, dataset);
  made.append(...content);
  return made;
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.innerHTML = `<use href="#i-${name}"/>`;
  svg.setAttribute("aria-hidden", "true");
  return svg;
}

/** One of several, as radio buttons in a row. */
export function segmented(legend, choices, chosen, onChange) {
  const group = `choice-${(segmented.count = (segmented.count ?? 0) + 1)}`;
  const buttons = choices.map(([value, text]) => {
    const input = element("input", { type: "radio", name: group, value, checked: value === chosen });
    input.addEventListener("change", () => onChange(value));
    return element("label", {}, input, element("span", {}, text));
  });
  return element("fieldset", { className: "segmented" }, element("legend", {}, legend), ...buttons);
}

/**
 * A style or noise: two codes, each thrown by a die, and a slider that goes from one to the other.
 *
 * @param {object} input its description
 * @param {() => void} onChange called when the value has changed
 * @param {() => Promise<void>} shown resolves when the value is on the page; a walk takes its next step then
 */
export function codeControl(input, onChange, shown) {
  const [length, distribution] = [input.shape[1], input.distribution ?? "normal"];
  const title = input.kind === "style" ? "Style" : "Noise";
  const seeds = [1, 2];
  const slider = element("input", {
    type: "range",
    min: 0,
    max: 1,
    step: 0.01,
    value: 0,
    ariaLabel: `${title}: from the first to the second`,
  });
  slider.addEventListener("input", onChange);

  const throwDie = (k) => {
    const [last] = [seeds[k]];
    while (seeds[k] === last) seeds[k] = 1 + Math.floor(Math.random() * 9999);
    paint();
  };
  const dice = ["First", "Second"].map((word, k) => {
    const die = element(
      "button",
      { type: "button", className: "die", title: `${word} ${title.toLowerCase()}: throw the die` },
      icon("die"),
    );
    die.setAttribute("aria-label", die.title);
    die.addEventListener("click", () => {
      throwDie(k);
      slider.value = k;
      onChange();
    });
    return die;
  });

  const walk = element("button", { type: "button", className: "walk", ariaPressed: "false" }, icon("play"), "Wander");
  walk.addEventListener("click", async () => {
    const walking = walk.ariaPressed !== "true";
    walk.ariaPressed = String(walking);
    walk.replaceChildren(icon(walking ? "stop" : "play"), walking ? "Stop" : "Wander");
    while (walk.ariaPressed === "true" && walk.isConnected) {
      if (Number(slider.value) >= 1) {
        seeds[0] = seeds[1];
        throwDie(1);
        slider.value = 0;
      }
      slider.value = Number(slider.value) + 0.02;
      onChange();
      await Promise.all([shown(), new Promise(requestAnimationFrame)]);
    }
  });

  const track = element("div", { className: "code" }, dice[0], slider, dice[1], walk);
  const paint = () => seeds.forEach((seed, k) => track.style.setProperty(`--hue-${k}`, (seed * 137.5) % 360));
  paint();
  return {
    name: input.name,
    element: element("fieldset", { className: "control" }, element("legend", {}, title), track),
    value: () => between(...seeds.map((seed) => draw(seed, length, distribution)), Number(slider.value), distribution),
  };
}

/** Labels: of exclusive ones a choice, of others switches; of several sets one at a time. */
export function labelControl(input, onChange) {
  const { sets, exclusive = [] } = input;
  const present = new Set(exclusive.map(([first]) => first));
  let chosen = 0;
  const body = element("div", { className: "labels" });

  const change = (name, on) => {
    if (on) present.add(name);
    else present.delete(name);
    onChange();
  };
  const ofSet = () => {
    const names = sets[chosen];
    const groups = exclusive.filter((group) => group.every((name) => names.includes(name)));
    const choices = groups.map((group) => {
      const now = group.find((name) => present.has(name));
      return segmented(
        "One of",
        group.map((name) => [name, readable(name)]),
        now,
        (name) => {
          for (const other of group) present.delete(other);
          change(name, true);
        },
      );
    });
    const switches = names
      .filter((name) => !groups.flat().includes(name))
      .map((name) => {
        const box = element("input", { type: "checkbox", role: "switch", checked: present.has(name) });
        box.addEventListener("change", () => change(name, box.checked));
        return element("label", { className: "toggle" }, box, element("span", {}, readable(name)));
      });
    body.replaceChildren(...choices, ...switches);
  };
  ofSet();
  const heading =
    sets.length > 1
      ? [
          segmented(
            "Labels of",
            sets.map((names, k) => [k, `Set ${k + 1}`]),
            0,
            (k) => {
              chosen = k;
              ofSet();
              onChange();
            },
          ),
        ]
      : [];
  return {
    name: input.name,
    element: element("fieldset", { className: "control" }, element("legend", {}, "Labels"), ...heading, body),
    value: () => labelVector(input, present, chosen),
  };
}

/** Black_Hair: Black hair. */
export function readable(name) {
  const words = name.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}
