// An adapter for `convgrad grade`: reads a case from a folder, calls the kernel, writes what it gives.
//
//   rustc -O -o kernel kernel.rs && convgrad grade -- ./kernel {dir}
//
// Replace `backward` by your kernel. Arrays are float32 in C order: x (N,C,H,W), w (O,C/groups,KH,KW), delta (N,O,PH,PW).
// Exit status 0: done, 3: a case that the kernel does not do.
use std::{collections::HashMap, env, fs, process};

#[allow(non_snake_case)]
struct Geometry {
    N: usize, C: usize, O: usize, groups: usize,
    L: [usize; 2], K: [usize; 2], P: [usize; 2], stride: [usize; 2], dilation: [usize; 2], before: [usize; 2],
}

// ---- your kernel, in place of this one ----------------------------------------------------------------------------

#[allow(non_snake_case)]
fn backward(g: &Geometry, x: &[f32], w: &[f32], delta: &[f32], dX: &mut [f32], dW: &mut [f32], db: &mut [f32]) {
    let (cg, og) = (g.C / g.groups, g.O / g.groups);
    dX.fill(0.0);
    dW.fill(0.0);
    db.fill(0.0);
    for n in 0..g.N { for o in 0..g.O { for p in 0..g.P[0] { for q in 0..g.P[1] {
        let e = delta[((n * g.O + o) * g.P[0] + p) * g.P[1] + q];
        db[o] += e;
        for c in 0..cg { for i in 0..g.K[0] { for j in 0..g.K[1] {
            let h = (p * g.stride[0] + i * g.dilation[0]).wrapping_sub(g.before[0]);
            let v = (q * g.stride[1] + j * g.dilation[1]).wrapping_sub(g.before[1]);
            if h >= g.L[0] || v >= g.L[1] { continue; }
            let cell = ((n * g.C + o / og * cg + c) * g.L[0] + h) * g.L[1] + v;
            let tap = ((o * cg + c) * g.K[0] + i) * g.K[1] + j;
            dW[tap] += e * x[cell];
            dX[cell] += e * w[tap];
        } } }
    } } } }
}

// ---- the adapter ---------------------------------------------------------------------------------------------------

fn read(folder: &str, name: &str) -> Vec<f32> {
    let bytes = fs::read(format!("{folder}/{name}.bin")).expect(name);
    bytes.chunks_exact(4).map(|part| f32::from_le_bytes([part[0], part[1], part[2], part[3]])).collect()
}

fn write(folder: &str, name: &str, values: &[f32]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(format!("{folder}/{name}.bin"), bytes).expect(name);
}

fn main() {
    let folder = env::args().nth(1).expect("usage: kernel FOLDER");
    let text = fs::read_to_string(format!("{folder}/case.txt")).expect("case.txt");
    let words: HashMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let asked = ["op", "dims", "dtype", "mode", "padding_mode"].map(|key| words.get(key).copied().unwrap_or(""));
    if asked != ["conv", "2", "float32", "cross-correlation", "zeros"] {
        eprintln!("only conv 2-D in float32, padded with zeros");
        process::exit(3);
    }
    let number = |key: &str| -> usize { words[key].parse().expect(key) };
    let axes = |key: &str, end: &str| [number(&format!("{key}.0{end}")), number(&format!("{key}.1{end}"))];
    let g = Geometry {
        N: number("N"), C: number("C"), O: number("O"), groups: number("groups"), L: axes("L", ""), K: axes("K", ""),
        P: axes("P", ""), stride: axes("stride", ""), dilation: axes("dilation", ""), before: axes("pad", ".before"),
    };
    let (mut dx, mut dw, mut db) = (read(&folder, "dX"), read(&folder, "dW"), read(&folder, "db"));
    let (x, w, delta) = (read(&folder, "input"), read(&folder, "kernel"), read(&folder, "delta"));
    backward(&g, &x, &w, &delta, &mut dx, &mut dw, &mut db);
    write(&folder, "dX", &dx);
    write(&folder, "dW", &dw);
    write(&folder, "db", &db);
}
