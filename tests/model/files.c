/* files.c - the files that are served with --root: see model.h. Sizes lie near
 * the borders of the server's buffers. */
#include "model.h"

#define TEXT "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define ANY "application/octet-stream"

static const struct model_file files[] = {
    {"/d", MODEL_DIRECTORY, 0, 0, 0, 0, 0},
    {"/d/deep", MODEL_DIRECTORY, 0, 0, 0, 0, 0},
    {"/link", MODEL_REFUSED, 0, 0, 0, 0, 0},
    {"/pipe", MODEL_REFUSED, 0, 0, 0, 0, 0},
    {"/index.html", MODEL_FILE, HTML, 500, 1, 700000000, 0},
    {"/d/index.html", MODEL_FILE, HTML, 4000, 2, 700000001, 1},
    {"/d/0.txt", MODEL_FILE, TEXT, 0, 3, 700000002, 0},
    {"/d/1.txt", MODEL_FILE, TEXT, 1, 4, 700000003, 999999999},
    {"/d/deep/100.json", MODEL_FILE, "application/json", 100, 5, 1, 0},
    {"/4095", MODEL_FILE, ANY, 4095, 6, 700000005, 500},
    {"/4096.css", MODEL_FILE, "text/css; charset=utf-8", 4096, 7, 86399, 0},
    {"/4097.x", MODEL_FILE, ANY, 4097, 8, 700000007, 0},
    {"/32767.png", MODEL_FILE, "image/png", 32767, 9, 700000008, 0},
    {"/32768.bin", MODEL_FILE, ANY, 32768, 10, 700000009, 0},
    {"/32769.svg", MODEL_FILE, "image/svg+xml", 32769, 11, 700000010, 0},
    {"/65536.TXT", MODEL_FILE, TEXT, 65536, 12, 700000011, 0},
    {"/65537.html", MODEL_FILE, HTML, 65537, 13, 700000012, 0},
    {"/big.wasm", MODEL_FILE, "application/wasm", 1234567, 14, 700000013, 0},
};

const struct model_file *
model_files(size_t *count)
{
    *count = sizeof files / sizeof *files;
    return files;
}
