// An array as a picture of its planes, and the numbers around one place of it.
function picture(root, array, name) {
  array.values ??= all("td", root).map((cell) => +cell.textContent);
  const wrong = new Set(all("td", root).flatMap((cell, place) => cell.dataset.wrong === undefined ? [] : [place]));
  const [rows, columns] = [1, 1, ...array.shape].slice(-2), area = rows * columns, planes = array.values.length / area;
  const high = Math.min(rows, 9), wide = Math.min(columns, 9), across = Math.ceil(Math.sqrt(planes));
  const scale = Math.max(1, Math.floor(288 / across / columns)), tall = rows < 9 ? Math.max(scale, 12) : scale;
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d"), lit = new Map();
  const grid = document.createElement("table"), title = grid.createCaption(), cells = [], heads = [], sides = [];
  const make = (row, tag, list) => list.push(row.appendChild(document.createElement(tag)));
  const small = document.createElement("canvas"), ink = small.getContext("2d");
  let now = array.values, painted, plane = 0, top = 0, left = 0;
  canvas.width = across * (columns * scale + 4);
  canvas.height = Math.ceil(planes / across) * (rows * tall + 4);
  small.width = columns;
  small.height = rows * planes;
  canvas.setAttribute("role", "img");
  const range = now.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [0, 0]);
  canvas.setAttribute("aria-label", `${name} as a picture, blue below 0 and red above: from ${range.map(short).join(" to ")}`);
  const head = grid.insertRow();
  head.appendChild(document.createElement("th")).textContent = "i,j";
  for (let j = 0; j < wide; j++) make(head, "th", heads);
  for (let i = 0; i < high; i++) {
    const row = grid.insertRow();
    make(row, "th", sides);
    for (let j = 0; j < wide; j++) make(row, "td", cells);
  }
  const scroll = document.createElement("div");
  scroll.className = "scroll zoom";
  scroll.append(grid);
  root.prepend(scroll, canvas);
  const corner = (place) => {
    const on = Math.floor(place / area), row = Math.floor(place % area / columns), column = place % columns;
    return [on % across * (columns * scale + 4) + column * scale, Math.floor(on / across) * (rows * tall + 4) + row * tall];
  };
  const start = (at, old, seen, length) =>
    at >= old && at < old + seen ? old : Math.max(0, Math.min(at - (seen >> 1), length - seen));
  const inside = (place) => cells.some((cell) => cell.place === place);
  function show(place) {
    const on = Math.floor(place / area);
    if (!inside(place)) {
      top = start(Math.floor(place % area / columns), on === plane ? top : -rows, high, rows);
      left = start(place % columns, on === plane ? left : -columns, wide, columns);
      plane = on;
      number();
    }
    return cells.find((cell) => cell.place === place);
  }
  function number() {
    const lead = unravel(plane, array.shape.slice(0, -2));
    title.textContent = `${name}${lead.length ? "[" + lead + "]" : ""}, rows ${top} to ${top + high - 1}, columns ${left} to ${left + wide - 1}`;
    heads.forEach((cell, j) => { cell.textContent = left + j; });
    sides.forEach((cell, i) => { cell.textContent = top + i; });
    cells.forEach((cell, seen) => {
      const place = plane * area + (top + Math.floor(seen / wide)) * columns + left + seen % wide;
      cell.place = place;
      cell.textContent = short(now[place]);
      delete cell.dataset.lit;
      delete cell.dataset.wrong;
      if (lit.has(place)) cell.dataset.lit = lit.get(place);
      if (wrong.has(place)) cell.dataset.wrong = "";
    });
  }
  const box = (place, width = 1, height = 1) => {
    const [across, down] = corner(place);
    pen.strokeRect(across + .5, down + .5, scale * width, tall * height);
  };
  function paint() {  // a cell of every plane as a dot
    const dots = ink.createImageData(columns, rows * planes);
    let most = 0;
    for (const value of now) most = Math.max(most, Math.abs(value));
    now.forEach((value, place) => {
      const strength = Math.abs(value) / (most || 1), full = value < 0 ? [33, 102, 172] : [178, 24, 43];
      for (let part = 0; part < 3; part++) dots.data[4 * place + part] = 255 - strength * (255 - full[part]);
      dots.data[4 * place + 3] = 255;
    });
    ink.putImageData(dots, 0, 0);
    painted = now;
  }
  number();
  return {
    cells,
    show,
    light(place, mark = "") { lit.set(place, mark); },
    dark() { lit.clear(); },
    write(values) { now = values || array.values; },
    at(event) {
      const zoom = canvas.width / canvas.clientWidth, x = event.offsetX * zoom, y = event.offsetY * zoom;
      const on = Math.floor(y / (rows * tall + 4)) * across + Math.floor(x / (columns * scale + 4));
      const [left, top] = corner(Math.min(on, planes - 1) * area);
      const row = Math.min(Math.floor((y - top) / tall), rows - 1), column = Math.min(Math.floor((x - left) / scale), columns - 1);
      return Math.min(on, planes - 1) * area + row * columns + column;
    },
    draw() {
      if (lit.size && ![...lit.keys()].some(inside)) show(lit.keys().next().value); else number();
      if (painted !== now) paint();
      pen.imageSmoothingEnabled = false;
      pen.clearRect(0, 0, canvas.width, canvas.height);
      for (let on = 0; on < planes; on++)
        pen.drawImage(small, 0, on * rows, columns, rows, ...corner(on * area), columns * scale, rows * tall);
      pen.strokeStyle = "#000";
      pen.lineWidth = 1;
      for (let on = 0; on < planes; on++) box(on * area, columns, rows);
      for (const place of lit.keys()) box(place);
      pen.lineWidth = 2;
      pen.strokeStyle = "#d97706";
      for (const place of wrong) box(place);
      for (const [width, colour] of [[5, "#fff"], [2, "#111"]]) {
        pen.lineWidth = width;
        pen.strokeStyle = colour;
        box(plane * area + top * columns + left, wide, high);
      }
    },
  };
}
