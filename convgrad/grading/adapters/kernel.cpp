// An adapter for `convgrad grade`: reads a case from a folder, calls the kernel, writes what it gives.
//
//   c++ -std=c++17 -O2 -o kernel kernel.cpp && convgrad grade -- ./kernel {dir}
//
// Replace `backward` by your kernel. Arrays are float32 in C order: x (N,C,H,W), w (O,C/groups,KH,KW), delta (N,O,PH,PW).
// Exit status 0: done, 3: a case that the kernel does not do.
#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Geometry {
    int N, C, O, groups;
    std::array<int, 2> L, K, P, stride, dilation, before;
};
using Array = std::vector<float>;

// ---- your kernel, in place of this one ----------------------------------------------------------------------------

static void backward(const Geometry &g, const Array &x, const Array &w, const Array &delta, Array &dX, Array &dW,
                     Array &db) {
    const int Cg = g.C / g.groups, Og = g.O / g.groups;
    for (auto *array : {&dX, &dW, &db}) std::fill(array->begin(), array->end(), 0.0f);
    for (int n = 0; n < g.N; n++)
        for (int o = 0; o < g.O; o++)
            for (int p = 0; p < g.P[0]; p++)
                for (int q = 0; q < g.P[1]; q++) {
                    const float e = delta[((n * g.O + o) * g.P[0] + p) * g.P[1] + q];
                    db[o] += e;
                    for (int c = 0; c < Cg; c++)
                        for (int i = 0; i < g.K[0]; i++)
                            for (int j = 0; j < g.K[1]; j++) {
                                const int h = p * g.stride[0] + i * g.dilation[0] - g.before[0];
                                const int v = q * g.stride[1] + j * g.dilation[1] - g.before[1];
                                if (h < 0 || h >= g.L[0] || v < 0 || v >= g.L[1]) continue;
                                const int cell = ((n * g.C + o / Og * Cg + c) * g.L[0] + h) * g.L[1] + v;
                                const int tap = ((o * Cg + c) * g.K[0] + i) * g.K[1] + j;
                                dW[tap] += e * x[cell];
                                dX[cell] += e * w[tap];
                            }
                }
}

// ---- the adapter ---------------------------------------------------------------------------------------------------

static Array read(const std::string &name) {
    std::ifstream file(name, std::ios::binary | std::ios::ate);
    if (!file) throw std::runtime_error(name + " cannot be read");
    Array values(static_cast<std::size_t>(file.tellg()) / sizeof(float));
    file.seekg(0);
    file.read(reinterpret_cast<char *>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
    return values;
}

static void write(const std::string &name, const Array &values) {
    std::ofstream file(name, std::ios::binary);
    file.write(reinterpret_cast<const char *>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
}

int main(int count, char **arguments) {
    if (count != 2) return std::cerr << "usage: kernel FOLDER\n", 1;
    const std::string folder = std::string(arguments[1]) + "/";
    std::map<std::string, std::string> words;
    std::ifstream lines(folder + "case.txt");
    for (std::string line; std::getline(lines, line);) words[line.substr(0, line.find('='))] = line.substr(line.find('=') + 1);
    const std::map<std::string, std::string> does{{"op", "conv"}, {"dims", "2"}, {"dtype", "float32"},
                                                  {"mode", "cross-correlation"}, {"padding_mode", "zeros"}};
    for (const auto &[key, word] : does)
        if (words[key] != word) return std::cerr << "only conv 2-D in float32, padded with zeros\n", 3;
    const auto number = [&](const std::string &key) { return std::stoi(words.at(key)); };
    const auto axes = [&](const std::string &key, const std::string &end = "") {
        return std::array<int, 2>{number(key + ".0" + end), number(key + ".1" + end)};
    };
    const Geometry g{number("N"), number("C"), number("O"), number("groups"), axes("L"), axes("K"), axes("P"),
                     axes("stride"), axes("dilation"), axes("pad", ".before")};
    Array dX = read(folder + "dX.bin"), dW = read(folder + "dW.bin"), db = read(folder + "db.bin");
    backward(g, read(folder + "input.bin"), read(folder + "kernel.bin"), read(folder + "delta.bin"), dX, dW, db);
    write(folder + "dX.bin", dX);
    write(folder + "dW.bin", dW);
    write(folder + "db.bin", db);
    return 0;
}
