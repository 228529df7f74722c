"use strict";
(() => {
  const make = (name, properties = {}, children = []) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const percent = (share) => `${+(100 * share).toFixed(2)}%`;

  // Tables: a heading sorts its column; a second time, the other way round. Empty cells stay last.
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.firstChild?.textContent.trim() ?? "";
    return text === "" ? null : isNaN(text) ? text : Number(text);
  };
  const compareKeys = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  const sort = (button) => {
    const heading = button.closest("th");
    const table = button.closest("table");
    const opposite = { ascending: "descending", descending: "ascending" };
    const order = opposite[heading.getAttribute("aria-sort")] ?? button.dataset.first;
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, heading.cellIndex), row]);
    rows.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compareKeys(a, b)));
    table.tBodies[0].append(...rows.map(([, row]) => row));
  };
  for (const button of document.querySelectorAll(".sort")) button.addEventListener("click", () => sort(button));

  // One panel of several.
  for (const group of document.querySelectorAll(".one-of")) {
    const choice = group.querySelector("select");
    const show = () => {
      for (const panel of group.querySelectorAll(".panel")) panel.hidden = panel.dataset.panel !== choice.value;
    };
    choice.addEventListener("change", show);
    show();
  }

  // Pictures: original and enhanced under a slider, boxes or label maps on top.
  const gallery = JSON.parse(document.getElementById("gallery").textContent);
  const image = (key, alt, className = "") => make("img", { src: gallery.images[key], alt, className });

  const boxes = (list, className, withNames) => {
    const layer = draw("svg", { class: className, "data-layer": className, "aria-hidden": "true" });
    for (const [x, y, width, height, name, score, state] of list) {
      const place = { x: percent(x), y: percent(y) };
      layer.append(draw("rect", { class: `box ${state}`, ...place, width: percent(width), height: percent(height) }));
      if (withNames) {
        const text = draw("text", { class: "box-name off", "data-layer": "names", ...place, dy: -4 });
        text.textContent = `${name} ${score.toFixed(2)}`;
        layer.append(text);
      }
    }
    return layer;
  };
  const boxLayers = (of) => [boxes(of.truth, "truth", false), boxes(of.detections, "detections", true)];
  const mapLayers = (maps, part) => {
    const layers = { labels: maps[part], truth: maps.truth, change: part === "after" ? maps.change : undefined };
    return Object.entries(layers).filter(([, key]) => key).map(([layer, key]) => {
      const element = image(key, "", "map");
      element.dataset.layer = layer;
      return element;
    });
  };
  const side = (className, picture, layers) => make("div", { className: `side ${className}` }, [picture, ...layers]);

  const changed = (before, after) =>
    "mIoU" in before
      ? `mIoU ${(100 * before.mIoU).toFixed(1)} → ${(100 * after.mIoU).toFixed(1)}`
      : ["found", "false", "missed"].map((key) => `${key} ${before[key]} → ${after[key]}`).join(", ");

  const figure = (entry) => {
    const layers = entry.maps
      ? [mapLayers(entry.maps, "before"), mapLayers(entry.maps, "after")]
      : [boxLayers(entry.boxes.before), boxLayers(entry.boxes.after)];
    const frame = make("div", { className: "compare" }, [
      side("original", image(entry.original, `${entry.id}, original`), layers[0]),
      side("enhanced", image(entry.enhanced, `${entry.id}, ${entry.enhancer}`), layers[1]),
      make("span", { className: "tag left", textContent: "original" }),
      make("span", { className: "tag right", textContent: entry.enhancer }),
      make("span", { className: "edge" }),
    ]);
    frame.style.aspectRatio = `${entry.width} / ${entry.height}`;
    frame.style.setProperty("--shape", `${entry.width} / ${entry.height}`);
    const slider = make("input", { type: "range", min: 0, max: 100, value: 50, step: 1 });
    slider.setAttribute("aria-label", `${entry.id}: where the original ends and ${entry.enhancer} begins, in percent`);
    slider.addEventListener("input", () => frame.style.setProperty("--at", `${slider.value}%`));
    frame.append(slider);
    const caption = make("figcaption", {}, [make("b", { textContent: changed(entry.before, entry.after) }), make("br"), entry.id]);
    return make("figure", {}, [frame, caption]);
  };

  const legend = (list, classes) => {
    const change = [["won", "#0072b2"], ["lost", "#d55e00"], ["wrong as before", "#787878"]];
    const entry = (layers) => ([name, color]) => {
      const swatch = make("i");
      swatch.style.background = color;
      const item = make("li", {}, [swatch, name]);
      item.dataset.layer = layers;
      return item;
    };
    list.replaceChildren(...classes.map(entry("labels truth")), ...change.map(entry("change")));
  };

  for (const section of document.querySelectorAll(".gallery")) {
    const { pictures, classes } = gallery.conditions[section.dataset.condition];
    const names = [...new Set(pictures.map((entry) => entry.enhancer))];
    const choice = section.querySelector(".choose-enhancer");
    const switches = [...section.querySelectorAll(".switches input")];
    const apply = () => {
      const shown = new Set(switches.filter((input) => input.checked).map((input) => input.dataset.layer));
      for (const element of section.querySelectorAll(".compare [data-layer], .legend.maps [data-layer]")) {
        element.classList.toggle("off", !element.dataset.layer.split(" ").some((layer) => shown.has(layer)));
      }
    };
    const show = () => {
      const own = pictures.filter((entry) => entry.enhancer === names[choice.value]);
      const parts = [["gain", "Gained most"], ["loss", "Lost most"], ["same", "No better, no worse"]].flatMap(([kind, title]) => {
        const figures = own.filter((entry) => entry.kind === kind).map(figure);
        return figures.length ? [make("h4", { textContent: title }), ...figures] : [];
      });
      section.querySelector(".figures").replaceChildren(...parts);
      apply();
    };
    choice.addEventListener("change", show);
    for (const input of switches) input.addEventListener("change", apply);
    const list = section.querySelector(".legend.maps");
    if (list) legend(list, classes);
    show();
  }

  // The table of contents says where the reader is.
  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const targets = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const current = targets.filter((target) => target.getBoundingClientRect().top < innerHeight / 3).pop() ?? targets[0];
    for (const [id, link] of links) {
      if (id === current.id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  };
  addEventListener("scroll", mark, { passive: true });
  mark();

  // Printed, everything that is folded is open.
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
