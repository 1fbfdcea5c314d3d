/* An adapter for `convgrad grade`: reads a case from a folder, calls the kernel, writes what it gives.

   cc -O2 -o kernel kernel.c && convgrad grade -- ./kernel {dir}

   Replace `backward` by your kernel. Arrays are float32 in C order: x (N,C,H,W), w (O,C/groups,KH,KW), delta (N,O,PH,PW).
   Exit status 0: done, 3: a case that the kernel does not do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int N, C, O, groups, L[2], K[2], P[2], stride[2], dilation[2], before[2];
} Geometry;

/* ---- your kernel, in place of this one ------------------------------------------------------------------------- */

static void backward(const Geometry *g, const float *x, const float *w, const float *delta,
                     float *dX, float *dW, float *db) {
    const int Cg = g->C / g->groups, Og = g->O / g->groups;
    memset(dX, 0, sizeof(float) * g->N * g->C * g->L[0] * g->L[1]);
    memset(dW, 0, sizeof(float) * g->O * Cg * g->K[0] * g->K[1]);
    memset(db, 0, sizeof(float) * g->O);
    for (int n = 0; n < g->N; n++)
        for (int o = 0; o < g->O; o++)
            for (int p = 0; p < g->P[0]; p++)
                for (int q = 0; q < g->P[1]; q++) {
                    const float e = delta[((n * g->O + o) * g->P[0] + p) * g->P[1] + q];
                    db[o] += e;
                    for (int c = 0; c < Cg; c++)
                        for (int i = 0; i < g->K[0]; i++)
                            for (int j = 0; j < g->K[1]; j++) {
                                const int h = p * g->stride[0] + i * g->dilation[0] - g->before[0];
                                const int v = q * g->stride[1] + j * g->dilation[1] - g->before[1];
                                if (h < 0 || h >= g->L[0] || v < 0 || v >= g->L[1]) continue;
                                const int cell = ((n * g->C + o / Og * Cg + c) * g->L[0] + h) * g->L[1] + v;
                                const int tap = ((o * Cg + c) * g->K[0] + i) * g->K[1] + j;
                                dW[tap] += e * x[cell];
                                dX[cell] += e * w[tap];
                            }
                }
}

/* ---- the adapter ----------------------------------------------------------------------------------------------- */

static char text[1 << 16];

static const char *word(const char *key) { /* what stands after "key=" in case.txt */
    static char found[256];
    const size_t length = strlen(key);
    for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
        if (!strncmp(line, key, length) && line[length] == '=') {
            snprintf(found, sizeof found, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
            return found;
        }
    return "";
}

static int number(const char *key) { return atoi(word(key)); }

static int axis(const char *key, int i, const char *end) {
    char name[64];
    snprintf(name, sizeof name, "%s.%d%s", key, i, end);
    return number(name);
}

static FILE *opened(const char *folder, const char *name, const char *how) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, how);
    if (!file) { perror(path); exit(1); }
    return file;
}

static float *array(const char *folder, const char *name, size_t count) {
    float *values = malloc(sizeof(float) * (count ? count : 1));
    FILE *file = opened(folder, name, "rb");
    if (fread(values, sizeof(float), count, file) != count) { fprintf(stderr, "%s is too short\n", name); exit(1); }
    fclose(file);
    return values;
}

static void written(const char *folder, const char *name, const float *values, size_t count) {
    FILE *file = opened(folder, name, "r+b");
    fwrite(values, sizeof(float), count, file);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 2) { fprintf(stderr, "usage: kernel FOLDER\n"); return 1; }
    FILE *file = opened(argv[1], "case.txt", "r");
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    if (strcmp(word("op"), "conv") || number("dims") != 2 || strcmp(word("dtype"), "float32")
        || strcmp(word("mode"), "cross-correlation") || strcmp(word("padding_mode"), "zeros")) {
        fprintf(stderr, "only conv 2-D in float32, padded with zeros\n");
        return 3;
    }
    Geometry g = {number("N"), number("C"), number("O"), number("groups"), {0}, {0}, {0}, {0}, {0}, {0}};
    for (int i = 0; i < 2; i++) {
        g.L[i] = axis("L", i, "");
        g.K[i] = axis("K", i, "");
        g.P[i] = axis("P", i, "");
        g.stride[i] = axis("stride", i, "");
        g.dilation[i] = axis("dilation", i, "");
        g.before[i] = axis("pad", i, ".before");
    }
    const size_t cells = (size_t)g.N * g.C * g.L[0] * g.L[1], taps = (size_t)g.O * (g.C / g.groups) * g.K[0] * g.K[1];
    const size_t positions = (size_t)g.N * g.O * g.P[0] * g.P[1];
    float *x = array(argv[1], "input.bin", cells), *w = array(argv[1], "kernel.bin", taps);
    float *delta = array(argv[1], "delta.bin", positions);
    float *dX = array(argv[1], "dX.bin", cells), *dW = array(argv[1], "dW.bin", taps);
    float *db = array(argv[1], "db.bin", g.O);
    backward(&g, x, w, delta, dX, dW, db);
    written(argv[1], "dX.bin", dX, cells);
    written(argv[1], "dW.bin", dW, taps);
    written(argv[1], "db.bin", db, g.O);
    return 0;
}
