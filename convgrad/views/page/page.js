"use strict";
(() => {
  const data = JSON.parse(document.getElementById("convgrad-steps").textContent);
  const short = (value) => String(Number(Number(value).toPrecision(6)));
  const unravel = (flat, shape) => {
    const index = [];
    for (const length of [...shape].reverse()) { index.unshift(flat % length); flat = Math.floor(flat / length); }
    return index;
  };
  const ravel = (index, shape) => {
    if (index.length !== shape.length || index.some((i, axis) => !(i >= 0 && i < shape[axis]))) return -1;
    return index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);
  };
  const factor = (value) => (value < 0 ? `(${short(value)})` : short(value));
  const ledger = new Map();  // rows of the static tables, by the number of their overlay
  if (data.length === 1) for (const row of document.querySelectorAll("main > div tbody tr"))
    if (/^\d+$/.test(row.cells[0].textContent) && row.closest("table").rows[0].cells[0].textContent === "#")
      ledger.set(Number(row.cells[0].textContent), row);
  const panels = data.map(panel);

  function panel(given) {
    const root = document.getElementById(given.id);
    const arrays = given.arrays, own = given.name ? `${given.name}.` : "";
    const cells = {};
    for (const name of Object.keys(arrays)) cells[name] = [...root.querySelectorAll(`[data-array="${name}"] td`)];
    const terms = given.steps.map(([delta, x, pattern]) => given.patterns[pattern].map(
      ([d, i, last]) => [delta + d, x + i, last]));
    const bilinear = Boolean(arrays.w);
    const product = (array, [d, x, last]) => array === "dW" ? arrays.delta.values[d] * arrays.x.values[x]
      : arrays.delta.values[d] * (bilinear ? arrays.w.values[last] : last);
    const gradients = bilinear ? ["dX", "dW"] : ["dX"];
    const target = (array, [d, x, last]) => array === "dX" ? x : last;
    const totals = (until) => {
      const sums = Object.fromEntries(gradients.map((name) => [name, new Float64Array(arrays[name].values.length)]));
      for (const step of terms.slice(0, until)) for (const term of step)
        for (const name of gradients) sums[name][target(name, term)] += product(name, term);
      return sums;
    };
    const said = root.querySelector(".said"), slider = root.querySelector("input"), status = root.querySelector(".step");
    let pinned = "";
    const clear = () => { for (const cell of root.querySelectorAll("td[data-lit]")) cell.removeAttribute("data-lit");
      for (const row of document.querySelectorAll("tr[data-lit]")) row.removeAttribute("data-lit"); };
    const light = (name, place) => cells[name] && cells[name][place] && cells[name][place].setAttribute("data-lit", "");
    const texts = {};
    const write = (sums) => { for (const name of gradients) {
      const values = sums ? sums[name] : arrays[name].values, old = texts[name] || [];
      texts[name] = Array.from(values);
      cells[name].forEach((cell, place) => {
        if (values[place] !== old[place]) cell.firstChild.data = short(values[place]); });
    } };

    function step(number) {
      clear();
      slider.value = number;
      if (number < 1) { write(null); status.textContent = "all overlays"; slider.setAttribute("aria-valuetext", "all overlays"); return; }
      const at = unravel(number - 1, given.shape), where = given.shape[0] > 1 ? at : at.slice(1);
      const words = `overlay ${number} of ${terms.length}, ${given.where} ${where.join(",")}`;
      slider.setAttribute("aria-valuetext", words);
      for (const [d, x, last] of terms[number - 1]) {
        light("x", x); light("dX", x); light("delta", d);
        if (!bilinear && last !== 0 && cells.x[x]) cells.x[x].setAttribute("data-lit", "gives");
      }
      write(totals(number));
      status.textContent = `${words}: ${gradients.join(" and ")} so far`;
      if (ledger.has(number)) ledger.get(number).setAttribute("data-lit", "");
    }
    function sum(array, place) {
      clear();
      light(array, place);
      const parts = [];
      let total = 0;
      for (const all of terms) for (const term of all) if (target(array, term) === place && (bilinear || term[2] !== 0)) {
        const value = product(array, term);
        total += value;
        light("delta", term[0]);
        if (array === "dW") light("x", term[1]); else if (bilinear) light("w", term[2]);
        parts.push(array === "dW" ? `${factor(arrays.delta.values[term[0]])}×${factor(arrays.x.values[term[1]])}`
          : bilinear ? `${factor(arrays.delta.values[term[0]])}×${factor(arrays.w.values[term[2]])}` : factor(value));
      }
      const index = unravel(place, arrays[array].shape).join(",");
      const shown = parts.length > 40 ? [...parts.slice(0, 36), `${parts.length - 36} more`] : parts;
      const claim = given.claim && given.claim[array];
      const mistaken = claim && claim[place] !== null && cells[array][place].hasAttribute("data-wrong")
        ? `; claimed: ${short(claim[place])}` : "";
      said.textContent = `${own}${array}[${index}] = ${shown.join(" + ") || "0"} = ${short(total)}${mistaken}`;
      return `#${own}${array}=${index}`;
    }
    const link = (hash) => history.replaceState(null, "", hash || location.pathname);

    function grid(name) {
      const width = arrays[name].shape.length ? arrays[name].shape[arrays[name].shape.length - 1] : 1;
      for (const table of root.querySelectorAll(`[data-array="${name}"] table`)) {
        table.setAttribute("role", "grid");
        for (const row of table.rows) row.setAttribute("role", "row");
        for (const cell of table.querySelectorAll("td")) cell.setAttribute("role", "gridcell");
        for (const head of table.querySelectorAll("thead th")) head.setAttribute("role", "columnheader");
        for (const head of table.querySelectorAll("tbody th")) head.setAttribute("role", "rowheader");
      }
      cells[name].forEach((cell, place) => {
        cell.tabIndex = place ? -1 : 0;
        cell.addEventListener("focus", () => { if (!pinned) sum(name, place); });
        cell.addEventListener("mouseenter", () => { if (!pinned) sum(name, place); });
        const pin = () => { pinned = sum(name, place); cell.setAttribute("data-pinned", ""); link(pinned); };
        cell.addEventListener("click", () => { free(); pin(); });
        cell.addEventListener("keydown", (event) => {
          const last = cells[name].length - 1, row = place - place % width;
          const moves = { ArrowRight: place + 1 < row + width ? place + 1 : place, ArrowLeft: place > row ? place - 1 : place,
            ArrowDown: place + width <= last ? place + width : place, ArrowUp: place - width >= 0 ? place - width : place,
            Home: event.ctrlKey ? 0 : row, End: event.ctrlKey ? last : Math.min(row + width - 1, last) };
          if (event.key in moves) {
            event.preventDefault();
            cell.tabIndex = -1;
            cells[name][moves[event.key]].tabIndex = 0;
            cells[name][moves[event.key]].focus();
          } else if (event.key === "Enter") { free(); pin(); }
        });
      });
    }
    const free = () => { pinned = ""; for (const cell of root.querySelectorAll("[data-pinned]")) cell.removeAttribute("data-pinned"); };
    root.addEventListener("keydown", (event) => { if (event.key === "Escape") { free(); clear(); said.textContent = ""; link(""); } });
    const go = (number) => {
      const at = unravel(number - 1, given.shape);
      step(number);
      link(number < 1 ? "" : `#${own}overlay=${(given.shape[0] > 1 ? at : at.slice(1)).join(",")}`);
    };
    slider.max = terms.length;
    slider.addEventListener("input", () => go(Number(slider.value)));
    const [back, forth] = root.querySelectorAll("button");
    back.addEventListener("click", () => go(Math.max(Number(slider.value) - 1, 0)));
    forth.addEventListener("click", () => go(Math.min(Number(slider.value) + 1, terms.length)));
    for (const name of gradients) grid(name);
    root.querySelector(".controls").hidden = false;

    const sums = totals(terms.length);
    let difference = 0;
    for (const name of gradients) arrays[name].values.forEach((value, place) => {
      difference = Math.max(difference, Math.abs(value - sums[name][place])); });
    const count = gradients.reduce((all, name) => all + arrays[name].values.length, 0);
    root.querySelector(".self").textContent =
      `this page added up all ${count} entries again from x${bilinear ? ", w" : ""} and delta: the largest difference is ${short(difference)}`;
    step(0);
    return { own, restore(kind, index) {
      root.scrollIntoView({ block: "nearest" });
      const shape = given.shape[0] > 1 ? given.shape : given.shape.slice(1);
      if (kind === "overlay") { const at = ravel(index, shape); if (at >= 0) { step(at + 1); return true; } return false; }
      const place = gradients.includes(kind) ? ravel(index, arrays[kind].shape) : -1;
      if (place < 0) return false;
      free();
      pinned = sum(kind, place);
      cells[kind][place].setAttribute("data-pinned", "");
      return true;
    } };
  }

  function restore() {
    const found = /^#(?:(.*)\.)?(overlay|dX|dW)=([\d,]*)$/.exec(decodeURIComponent(location.hash) || data[0].start);
    if (!found) return;
    const own = found[1] ? `${found[1]}.` : "", index = found[3] ? found[3].split(",").map(Number) : [];
    const one = panels.find((each) => each.own === own);
    if (one) one.restore(found[2], index);
  }
  window.addEventListener("hashchange", restore);
  restore();
})();
