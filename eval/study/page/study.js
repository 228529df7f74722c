"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study-data").textContent);
  const pairs = study.mode === "ab";
  const memory = `picture-study-${study.fingerprint}`;
  const keys = pairs
    ? { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "equal" }
    : { 1: "1", 2: "2", 3: "3", 4: "4", 5: "5" };
  const PAUSE = 250; // milliseconds in which nobody can have looked: a double click is one answer
  const at = (id) => document.getElementById(id);
  const sections = ["intro", "question", "end"];

  let state = restore();
  let ready = false;
  let shownAt = 0;
  let turn = 0; // counts what was shown, so that a slow picture never appears in place of a later one

  // What is remembered

  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(memory));
    } catch {
      return fresh(); // no storage here, or something else in it
    }
    const sheet = kept && study.sheets[kept.sheet];
    const whole = sheet && Array.isArray(kept.order) && kept.order.length === sheet.length &&
      Array.isArray(kept.answers) && kept.answers.length <= sheet.length;
    return whole ? kept : fresh();
  }

  function fresh() {
    const sheet = below(study.sheets.length);
    return {
      participant: word(),
      sheet,
      order: shuffled(study.sheets[sheet].length),
      turned: pairs && below(2) === 1, // half of the sheet's pairs are turned already
      started: null,
      finished: null,
      answers: [],
    };
  }

  function remember() {
    try {
      localStorage.setItem(memory, JSON.stringify(state));
    } catch {
      trouble("This browser does not let the page remember your answers. Please do not close it before the end.");
    }
  }

  // Chance

  function below(limit) {
    const range = 2 ** 32 - (2 ** 32 % limit);
    const box = new Uint32Array(1);
    do crypto.getRandomValues(box); while (box[0] >= range);
    return box[0] % limit;
  }

  function word() {
    return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function shuffled(count) {
    const order = Array.from({ length: count }, (_, number) => number);
    for (let last = count - 1; last > 0; last--) {
      const other = below(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    return order;
  }

  // What is shown

  const total = () => state.order.length;
  const codes = (number) => {
    const question = study.sheets[state.sheet][state.order[number]];
    return state.turned ? [...question].reverse() : question;
  };
  const source = (code) => `data:image/jpeg;base64,${study.pictures[code]}`;

  function show(name) {
    for (const section of sections) at(section).hidden = section !== name;
    at("bar").hidden = name === "intro";
  }

  function next() {
    const done = state.answers.length;
    at("progress").max = total();
    at("progress").value = done;
    at("back").disabled = done === 0;
    at("count").textContent = done < total() ? `${done + 1} of ${total()}` : `${done} of ${total()} answered`;
    if (done === total()) return finish();
    show("question");
    ask(done);
  }

  async function ask(number) {
    const mine = ++turn;
    ready = false;
    at("question").removeAttribute("data-shown");
    at("question").removeAttribute("data-ready");
    const places = pairs ? [at("left"), at("right")] : [at("left")];
    codes(number).forEach((code, place) => { places[place].src = source(code); });
    await Promise.all(places.map((image) => image.decode().catch(() => undefined)));
    if (mine !== turn) return;
    for (const image of places) {
      image.parentElement.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight || 1);
    }
    at("question").dataset.shown = "";
    shownAt = performance.now();
    if (number + 1 < total()) codes(number + 1).forEach((code) => { new Image().src = source(code); });
    setTimeout(() => {
      if (mine !== turn) return;
      ready = true;
      at("question").dataset.ready = String(number + 1);
    }, PAUSE);
  }

  function finish() {
    turn++;
    ready = false;
    if (!state.finished) {
      state.finished = new Date().toISOString();
      remember();
    }
    at("again").disabled = true;
    at("done").textContent = "";
    at("text").hidden = at("text-label").hidden = true;
    show("end");
    at("end-title").focus();
  }

  function trouble(sentence) {
    at("trouble").textContent = sentence;
    at("trouble").hidden = false;
  }

  // What is done

  function answer(value) {
    if (!ready) return;
    ready = false;
    const seconds = Math.round(performance.now() - shownAt) / 1000;
    const shown = codes(state.answers.length);
    state.answers.push(pairs
      ? { left: shown[0], right: shown[1], choice: value, seconds }
      : { image: shown[0], stars: Number(value), seconds });
    remember();
    next();
  }

  function undo() {
    if (at("bar").hidden || state.answers.length === 0) return;
    state.answers.pop();
    state.finished = null;
    remember();
    next();
  }

  function file() {
    return JSON.stringify({
      format: "picture-study-answers",
      study: study.study,
      fingerprint: study.fingerprint,
      mode: study.mode,
      participant: state.participant,
      sheet: state.sheet,
      started: state.started,
      finished: state.finished,
      answers: state.answers,
    }, null, 1) + "\n";
  }

  function save() {
    const name = `answers-${study.study}-${state.participant}.json`;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([file()], { type: "application/json" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    handedOver(`Saved as ${name} among your downloads.`);
  }

  async function copy() {
    try {
      await navigator.clipboard.writeText(file());
      handedOver("Copied. Paste it into a message to the person who asked you.");
    } catch { // the browser forbids it for pages opened as files
      at("text").value = file();
      at("text").hidden = at("text-label").hidden = false;
      at("text").focus();
      at("text").select();
      handedOver("Copy the text below into a message to the person who asked you.");
    }
  }

  function handedOver(sentence) {
    at("done").textContent = sentence;
    at("again").disabled = false;
  }

  function begin() {
    state.started = state.started || new Date().toISOString();
    remember();
    next();
  }

  function again() {
    state = fresh();
    remember();
    welcome();
  }

  function welcome() {
    const minutes = Math.max(1, Math.round(total() * (pairs ? 6 : 5) / 60));
    at("length").textContent = `${total()} questions, about ${minutes} minute${minutes === 1 ? "" : "s"}.`;
    show("intro");
  }

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && !at("intro").hidden && event.target === document.body) {
      begin();
    } else if (event.key === "Backspace") {
      event.preventDefault();
      undo();
    } else if (!at("question").hidden && Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      answer(keys[event.key]);
    }
  });
  for (const button of document.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => answer(button.dataset.answer));
  }
  if (pairs) {
    for (const side of ["left", "right"]) at(side).addEventListener("click", () => answer(side));
  }
  at("begin").addEventListener("click", begin);
  at("back").addEventListener("click", undo);
  at("save").addEventListener("click", save);
  at("copy").addEventListener("click", copy);
  at("again").addEventListener("click", again);

  if (state.started) next();
  else welcome();
})();
