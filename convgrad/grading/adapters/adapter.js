// An adapter for `convgrad grade`: one process that is asked case after case in lines of JSON.
//
//   convgrad grade --loop -- node adapter.js
//
// Replace `backward` by your code. Arrays are nested lists: x [N][C][H][W], w [O][C/groups][KH][KW], delta [N][O][PH][PW].

const can = { op: ["conv"], dims: [2], dtype: ["float64", "float32"], want: ["dX", "dW", "db"],
              limit: "padding_mode=zeros, mode=cross-correlation" };

// ---- your code, in place of this --------------------------------------------------------------------------------

function backward(x, w, delta, { stride, dilation, padding, groups }) {
  const O = w.length, Cg = w[0].length, Og = O / groups, H = x[0][0].length, W = x[0][0][0].length;
  const dX = like(x), dW = like(w), db = w.map(() => 0);
  delta.forEach((sample, n) => sample.forEach((plane, o) => plane.forEach((row, p) => row.forEach((e, q) => {
    db[o] += e;
    for (let c = 0; c < Cg; c++)
      w[o][c].forEach((taps, i) => taps.forEach((weight, j) => {
        const h = p * stride[0] + i * dilation[0] - padding[0][0], v = q * stride[1] + j * dilation[1] - padding[1][0];
        if (h < 0 || h >= H || v < 0 || v >= W) return;
        const channel = Math.floor(o / Og) * Cg + c;
        dW[o][c][i][j] += e * x[n][channel][h][v];
        dX[n][channel][h][v] += e * weight;
      }));
  }))));
  return { dX, dW, db };
}

const like = (array) => (Array.isArray(array) ? array.map(like) : 0);

// ---- the adapter ------------------------------------------------------------------------------------------------

const answer = (record) => process.stdout.write(JSON.stringify(record) + "\n");

require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  if (request.type === "start") answer({ type: "ready", protocol: 1, name: "adapter.js", can });
  if (request.type === "stop") process.exit(0);
  if (request.type !== "run") return;
  const { id, case: given } = request;
  try {
    answer({ type: "result", id, ...backward(given.input, given.kernel, given.delta, given) });
  } catch (error) {
    answer({ type: "error", id, message: String(error), trace: error.stack });
  }
});
