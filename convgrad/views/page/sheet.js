const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const short = (value) => String(+(+value).toPrecision(6));
const factor = (value) => (value < 0 ? `(${short(value)})` : short(value));
const size = (shape) => shape.reduce((product, length) => product * length, 1);
const unravel = (flat, shape) => shape.map((length, axis) => Math.floor(flat / size(shape.slice(axis + 1))) % length);
const ravel = (index, shape) => index.length === shape.length && index.every((i, axis) => i < shape[axis])
  ? index.reduce((flat, i, axis) => flat * shape[axis] + i, 0) : -1;

// An array as the table that it is: its cells by their place in row-major order.
function table(root, array) {
  const cells = all("td", root), texts = cells.map((cell) => cell.textContent), shown = [...texts];
  let lit = [];
  array.values ??= texts.map(Number);
  cells.forEach((cell, place) => { cell.place = place; });
  return {
    cells,
    show: (place) => cells[place],
    light(place, mark = "") { lit.push(cells[place]); cells[place].dataset.lit = mark; },
    dark() { for (const cell of lit) delete cell.dataset.lit; lit = []; },
    write(values) { cells.forEach((cell, place) => {
      const text = values ? short(values[place]) : texts[place];
      if (shown[place] !== text) cell.textContent = shown[place] = text; }); },
    draw() {},
  };
}
