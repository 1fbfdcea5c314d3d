const held = JSON.parse(document.getElementById("convgrad-steps").textContent);
const ledger = {};  // rows of the static table, by the number of their overlay
if (!held[1]) for (const row of all("main > div tr")) {
  const number = row.cells[0].textContent;
  if (/^\d+$/.test(number) && row.closest("table").rows[0].cells[0].textContent === "#") ledger[number] = row;
}
const link = (hash) => history.replaceState(null, "", hash || location.pathname);

function panel({ id, name: own, arrays, steps, patterns, shape, where, quiz, claim }) {
  const root = document.getElementById(id), one = (selector) => root.querySelector(selector);
  const said = one(".said"), slider = one("input"), status = one(".step"), self = one(".self");
  const { x, w, delta, db } = arrays, names = Object.keys(arrays), results = names.filter((name) => name[0] === "d" && name[2] === undefined);
  const sheets = {}, each = (use) => names.forEach((name) => use(sheets[name], name));
  each((_, name) => { sheets[name] = (arrays[name].zoom ? picture : table)(one(`[data-array=${name}]`), arrays[name], name); });
  const outputs = db && size(db.shape), area = size(delta.shape.slice(1 - shape.length)), output = (d) => Math.floor(d / area) % outputs;
  const spatial = shape.slice(shape[0] > 1 ? 0 : 1), at = (number) => unravel(number - 1, spatial);
  const label = (name, place, lead = "[", end = "]") => own + name + (arrays[name].shape[0] ? lead + unravel(place, arrays[name].shape) + end : "");
  let pinned = false;
  if (own) own += ".";

  function terms(number, use) {
    const [d, i, pattern] = steps[number];
    for (const [further, along, last] of patterns[pattern]) use(d + further, i + along, last);
  }
  function totals(until) {
    const sums = {};
    for (const name of results) sums[name] = new Float64Array(size(arrays[name].shape));
    for (let number = 0; number < until; number++) terms(number, (d, i, last) => {
      sums.dX[i] += delta.values[d] * (w ? w.values[last] : last);
      if (w) sums.dW[last] += delta.values[d] * x.values[i];
    });
    if (db) delta.values.forEach((value, d) => {
      const number = Math.floor(d / area / outputs) * area + d % area;  // of the overlay that makes it, in a convolution
      if (where === "x" || number < until) sums.db[output(d)] += value;
    });
    return sums;
  }
  function dark() {
    each((sheet) => sheet.dark());
    for (const row of all("tr[data-lit]")) delete row.dataset.lit;
    pinned = false;
    said.textContent = "";
  }
  const draw = () => each((sheet) => sheet.draw());
  function step(number) {
    const words = number ? `overlay ${number} of ${steps.length}, ${where} ${at(number)}` : "all overlays";
    dark();
    slider.value = number;
    slider.setAttribute("aria-valuetext", words);
    const given = {};  // by entry of a pool's delta, the number that is given it
    if (number && !w) terms(number - 1, (d, i, last) => { if (last) given[d] = x.values[i]; });
    if (number) terms(number - 1, (d, i, last) => {
      sheets.delta.light(d);
      sheets.dX.light(i);
      sheets.x.light(i, w ? "" : last ? "gives" : given[d] === x.values[i] ? "ties" : "");
    });
    if (!quiz) {
      const sums = number ? totals(number) : {};
      for (const name of results) sheets[name].write(sums[name]);
    }
    status.textContent = words + (number && !quiz ? `: ${results.join(", ")} so far` : "");
    if (ledger[number]) ledger[number].dataset.lit = "";
    draw();
  }
  function sum(name, place, open = !quiz, mark = "") {
    const parts = [], claimed = claim?.[name]?.[place];
    let total = 0;
    const add = (d, ...others) => {
      const factors = [delta.values[d], ...others], product = size(factors);
      total += product;
      sheets.delta.light(d);
      parts.push((w ? factors : [product]).map(factor).join("×"));
    };
    dark();
    if (name === "db") delta.values.forEach((_, d) => { if (output(d) === place) add(d); });
    else steps.forEach((_, number) => terms(number, (d, i, last) => {
      if ((name === "dX" ? i : last) !== place || !(w || last)) return;
      if (name === "dW") sheets.x.light(i); else if (w) sheets.w.light(last);
      add(d, name === "dW" ? x.values[i] : w ? w.values[last] : last);
    }));
    sheets[name].light(place, mark);
    if (parts.length > 40) parts.splice(36, parts.length, `${parts.length - 36} more`);
    said.textContent = label(name, place) + (open ? ` = ${parts.join(" + ") || 0} = ${short(total)}` : `: the terms of its sum are lit`)
      + (claimed == null ? "" : `; claimed: ${short(claimed)}`);
    draw();
  }
  function pin(name, place) {
    sum(name, place, true, "pinned");
    pinned = true;
  }
  const keep = (name, place) => { pin(name, place); link(`#${label(name, place, "=", "")}`); };
  function met({ target }) {  // the array and the place of what an event is about
    const cell = target.closest("td,canvas"), name = cell?.closest("[data-array]")?.dataset.array;
    return cell?.place >= 0 && results.includes(name) ? [name, cell.place, cell] : cell?.getContext ? [name] : [];
  }
  function hear(event) {
    const [name, place, cell] = met(event);
    if (cell && !pinned && cell.dataset.right !== "") sum(name, place);
  }
  function moved({ key, ctrlKey }, place, length, width) {
    const row = place - place % width, last = Math.min(row + width, length) - 1;
    return { ArrowRight: Math.min(place + 1, last), ArrowLeft: Math.max(place - 1, row),
      ArrowDown: place + width < length ? place + width : place, ArrowUp: place < width ? place : place - width,
      Home: ctrlKey ? 0 : row, End: ctrlKey ? length - 1 : last }[key];
  }
  root.addEventListener("focusin", hear);
  root.addEventListener("mouseover", hear);
  root.addEventListener("click", (event) => {
    const [name, place = name && sheets[name].at?.(event)] = met(event);
    if (quiz || !(place >= 0)) return;
    sheets[name].show(place);
    if (results.includes(name)) keep(name, place); else draw();
  });
  root.addEventListener("keydown", (event) => {
    const [name, place, cell] = met(event);
    if (event.key === "Escape") { dark(); draw(); link(""); }
    if (quiz || !cell) return;
    if (event.key === "Enter") keep(name, place);
    const { values, shape } = arrays[name], to = moved(event, place, values.length, shape.at(-1) || 1);
    if (to === undefined) return;
    event.preventDefault();
    cell.tabIndex = -1;
    const next = sheets[name].show(to);
    next.tabIndex = 0;
    next.focus();
    if (!pinned) sum(name, to);
  });
  const go = (number) => { step(number); link(number && `#${own}overlay=${at(number)}`); };
  slider.max = steps.length;
  slider.addEventListener("input", () => go(+slider.value));
  all(".controls button", root).forEach((button, forth) => button.addEventListener("click", () =>
    go(Math.max(0, Math.min(+slider.value + 2 * forth - 1, steps.length)))));
  one(".controls").hidden = false;

  const sums = totals(steps.length), entries = [];
  let difference = 0, count = 0;
  for (const name of results) {
    count += sums[name].length;
    if (quiz) arrays[name].values = [...sums[name]];
    sheets[name].cells.forEach((cell, place) => {
      if (quiz) entries.push({ cell, name, value: sums[name][place], label: label(name, place) });
      else cell.tabIndex = place ? -1 : 0;
      if (!quiz) cell.closest("table").setAttribute("role", "grid");
    });
    arrays[name].values.forEach((value, place) => { difference = Math.max(difference, Math.abs(value - sums[name][place])); });
  }
  self.textContent = `this page added up all ${count} entries again from x${w ? ", w" : ""} and delta: the largest difference is ${short(difference)}`;
  step(0);
  if (quiz) ask(root, entries, (name, place, words, open) => { if (name) { sum(name, place, open); said.textContent += words; } else self.textContent = words; });
  return { own, restore(kind, wanted) {
    const place = ravel(wanted, kind === "overlay" ? spatial : arrays[kind]?.shape || [0]);
    root.scrollIntoView({ block: "nearest" });
    if (place >= 0) if (kind === "overlay") step(place + 1); else if (!quiz) { sheets[kind].show(place); pin(kind, place); }
  } };
}
const panels = held.map(panel);

const asked = () => { try { return decodeURIComponent(location.hash); } catch { return "#"; } };
function restore() {
  const [, own = "", kind, index] = /^#(.*\.)?(overlay|d[WbX])=?([\d,]*)$/.exec(asked() || held[0].start) || [];
  panels.find((one) => one.own === own)?.restore(kind, index ? index.split(",").map(Number) : []);
}
addEventListener("hashchange", restore);
restore();
