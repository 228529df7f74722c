"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const ALL = ["original", "enhanced", "detections"];
  const PHASES = { starting: "starting", running: "running", ended: "ended", failed: "failed", lost: "not connected" };
  const AGAIN = 1000; // milliseconds between attempts to connect anew

  let there = ALL; // the panels that the server has
  let off = new Set(); // those switched off
  let frozen = false;
  let serial = null; // of the view on the page; null asks for the newest, whichever it is
  let asking = null; // aborts the request under way
  let wake = () => {}; // ends a wait
  const times = []; // when the last frames were shown here

  const shown = () => there.filter((panel) => !off.has(panel));
  const picture = (panel) => (panel === "detections" ? "enhanced" : panel); // on which boxes are drawn here
  const pictures = () => [...new Set(shown().map(picture))];

  // One request at a time: the page asks for the next frame when it has shown the last, so a slow viewer skips frames.

  async function run() {
    for (;;) {
      while (document.hidden || (frozen && serial !== null)) await new Promise((go) => { wake = go; });
      asking = new AbortController();
      try {
        const after = serial === null ? "" : serial;
        const reply = await fetch(`frame?after=${after}&pictures=${pictures().join()}`, { signal: asking.signal });
        if (reply.status === 200) await show(await reply.formData(), asking.signal);
        else if (reply.status !== 204) throw new Error(reply.statusText);
      } catch (error) {
        if (asking.signal.aborted) continue;
        serial = null; // another run may answer next time
        tell({ phase: "lost", message: "" });
        await new Promise((go) => { wake = go; setTimeout(go, AGAIN); });
      }
    }
  }

  async function show(parts, signal) {
    const status = JSON.parse(parts.get("status"));
    const bitmaps = Object.fromEntries(await Promise.all(["original", "enhanced"].filter((name) => parts.has(name)).map(
      async (name) => [name, await createImageBitmap(parts.get(name))])));
    await new Promise(requestAnimationFrame); // no faster than the screen
    if (!signal.aborted) {
      serial = status.serial;
      if (status.frame) delete document.querySelector("main").dataset.empty;
      there = status.panels;
      layOut();
      for (const panel of shown()) {
        if (bitmaps[picture(panel)]) draw(panel, bitmaps[picture(panel)]);
      }
      if (status.boxes) drawBoxes(status);
      tell(status);
      figures(status);
    }
    for (const bitmap of Object.values(bitmaps)) bitmap.close();
  }

  function draw(panel, bitmap) {
    const canvas = at(panel).querySelector("canvas");
    if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      document.documentElement.style.setProperty("--ratio", bitmap.width / bitmap.height);
    }
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
  }

  // Lines and letters have the same size on the screen, however large the picture is.
  function drawBoxes(status) {
    const canvas = at("detections").querySelector("canvas");
    const pen = canvas.getContext("2d");
    const unit = canvas.width / (canvas.clientWidth || canvas.width);
    const scale = canvas.width / status.width;
    pen.font = `${11 * unit}px system-ui, sans-serif`;
    pen.textBaseline = "top";
    pen.lineWidth = 1.5 * unit;
    for (const { corners, caption } of status.boxes) {
      const [x1, y1, x2, y2] = corners.map((value) => value * scale);
      pen.strokeStyle = "#00b184";
      pen.strokeRect(x1, y1, x2 - x1, y2 - y1);
      const [width, height] = [pen.measureText(caption).width + 6 * unit, 15 * unit];
      const left = Math.max(0, Math.min(x1, canvas.width - width));
      const top = y1 >= height ? y1 - height : y1;
      pen.fillStyle = "#00b184";
      pen.fillRect(left, top, width, height);
      pen.fillStyle = "#000";
      pen.fillText(caption, left + 3 * unit, top + 2 * unit);
    }
  }

  // What is said

  function tell({ phase, message }) {
    at("phase").dataset.phase = phase;
    say("phase", frozen ? "frozen" : PHASES[phase]);
    const sentence = {
      ended: `The source has ended. This is its last frame. ${message}`,
      failed: `The source has failed: ${message}`,
      lost: "No answer from scotopic watch. Trying again…",
    }[phase] || message;
    say("message", sentence);
    at("message").hidden = !sentence;
    at("message").classList.toggle("calm", phase === "ended");
  }

  function figures(status) {
    const ms = status.milliseconds;
    const fps = here(status.frame);
    say("source", status.source);
    document.title = `${status.source} · Scotopic`;
    if (!status.frame) return;
    say("fps", number(status.fps));
    say("enhance", number(ms.enhance));
    say("inference", number(ms.inference));
    say("whole", number(ms.frame));
    say("gate", status.gate.text);
    at("strength").setAttribute("aria-valuenow", status.gate.strength.toFixed(2));
    at("strength").style.setProperty("--part", status.gate.strength);
    say("frame", status.frame);
    say("skipped", status.skipped ? `${status.skipped} skipped` : "");
    say("about-original", `${status.width}×${status.height}, ${clock(status.time)}`);
    say("about-enhanced", status.gate.strength ? status.enhancer : `${status.enhancer}, untouched`);
    const count = status.boxes ? status.boxes.length : 0;
    say("about-detections", `${count} ${count === 1 ? "object" : "objects"}, ${status.model}`);
    at("fps").title = fps ? `${number(fps)} shown on this page` : "";
    document.body.dataset.frame = status.frame;
  }

  function say(id, text) {
    if (at(id).textContent !== String(text)) at(id).textContent = text;
  }

  function number(value) {
    if (value === null || value === undefined) return "–";
    return value.toFixed(value < 9.95 ? 1 : 0);
  }

  function clock(seconds) {
    const whole = Math.floor(seconds);
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }

  function here() {
    const now = performance.now();
    times.push(now);
    while (times.length > 2 && times[0] < now - 3000) times.shift();
    return times.length > 1 ? 1000 * (times.length - 1) / (now - times[0]) : null;
  }

  // What is done

  function layOut() {
    for (const button of document.querySelectorAll("[data-panel]")) {
      const panel = button.dataset.panel;
      button.hidden = !there.includes(panel);
      button.setAttribute("aria-pressed", String(!off.has(panel)));
      at(panel).hidden = !there.includes(panel) || off.has(panel);
    }
    at("inference-row").hidden = !there.includes("detections");
  }

  function flip(panel) {
    if (!there.includes(panel)) return;
    const after = new Set(off);
    if (!after.delete(panel)) after.add(panel);
    if (there.every((name) => after.has(name))) return; // the last one stays
    off = after;
    layOut();
    if (!off.has(panel)) {
      serial = null; // its picture is an old one
      asking?.abort();
      wake();
    }
  }

  function freeze() {
    frozen = !frozen;
    at("pause").setAttribute("aria-pressed", String(frozen));
    say("phase", frozen ? "frozen" : PHASES[at("phase").dataset.phase]);
    asking?.abort();
    wake();
  }

  // The space bar freezes, unless somebody walks through the buttons by keyboard: a button that was clicked or tapped
  // does not keep the focus.
  const walks = (event) => event.target.matches("button");

  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && !walks(event)) {
      event.preventDefault();
      freeze();
    } else if (ALL[event.key - 1]) {
      flip(ALL[event.key - 1]);
    }
  });
  document.addEventListener("click", (event) => {
    if (event.detail > 0) document.activeElement?.blur();
  });
  document.addEventListener("visibilitychange", () => wake());
  at("pause").addEventListener("click", freeze);
  for (const button of document.querySelectorAll("[data-panel]")) {
    button.addEventListener("click", () => flip(button.dataset.panel));
  }
  document.querySelector("main").dataset.empty = "";
  run();
})();
