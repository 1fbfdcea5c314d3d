// Entries of the results to be typed; `tell` is told what to say of an entry, and how many are found.
function ask(root, entries, tell) {
  const most = Math.max(...entries.map(({ value }) => Math.abs(value)));
  const number = (text) => {
    const [over, under = 1] = text.replace("\u2212", "-").replace(",", ".").split("/");
    return over ? over / under : NaN;
  };
  const isRight = (typed, value) => Math.abs(typed - value)
    <= Math.max(1e-9 * most, value && 0.5 * 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2));
  let found = 0, shown = 0;
  const score = () => tell("", 0, `${found} of ${entries.length} entries found, ${shown} shown: three digits are enough, and ? shows one`);
  for (const { cell, name, value, label } of entries) {
    const input = document.createElement("input");
    input.size = 6;
    input.setAttribute("aria-label", label);
    cell.replaceChildren(input);
    input.addEventListener("change", () => {
      const text = input.value.trim(), gives = text === "?", right = isRight(number(text), value);
      input.setAttribute("aria-invalid", !right && text !== "");
      if (right || gives) {
        const inside = document.activeElement === input;
        if (gives) shown++; else found++;
        cell.dataset.right = gives ? "shown" : "";
        cell.textContent = short(value);
        if (inside) root.querySelector("td input")?.focus();
      }
      if (text) tell(name, cell.place, right ? ", right" : gives ? "" : `; it is not ${text}`, right || gives);
      score();
    });
  }
  score();
}
