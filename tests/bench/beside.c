// The functions that bench_beside.py asks several engines for, and, with CLICKHOUSE defined, what ClickHouse calls for a block of
// rows in place of them: they come and go as text does in its formats RowBinary and Buffers.

#include "../../functions/sentiment/sentiment.c"

EXPORT("boost") double boost(double x, double y) { return x * x * y; }

static uint32_t count(const uint8_t *bytes, uint32_t length) {
  uint32_t characters = 0;
  for (uint32_t i = 0; i < length; i++) characters += (bytes[i] & 0xC0) != 0x80;
  return characters;
}

static void raise(uint8_t *to, const uint8_t *bytes, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) to[i] = bytes[i] >= 'a' && bytes[i] <= 'z' ? bytes[i] - 32 : bytes[i];
}

#ifndef CLICKHOUSE

EXPORT("characters") uint32_t characters(const uint8_t *bytes, uint32_t length) {
  used = 0;
  return count(bytes, length);
}

static struct { uint8_t *at; uint32_t length; } answer;

EXPORT("capitals") void *capitals(uint8_t *bytes, uint32_t length) {
  raise(bytes, bytes, length);
  answer.at = bytes, answer.length = length;
  return &answer;
}
EXPORT("cabi_post_capitals") void after_capitals(const void *read) { (void)read, used = 0; }

#else

// ---- buffers: behind what sentiment takes for the words of one text; all of them are free again once none is left

typedef struct { uint8_t *data; uint32_t size; } Buffer;
enum { WORDS_BYTES = 1 << 20, HEAD_BYTES = 24 };
static uint32_t given, alive;

EXPORT("clickhouse_create_buffer") Buffer *create(uint32_t size) {
  uint32_t at = (uint32_t)&__heap_base + WORDS_BYTES + given;
  at = (at + 15) & -16u;
  uint32_t end = at + sizeof(Buffer) + size, pages = (end + 0xFFFF) >> 16, have = __builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == (size_t)-1) __builtin_trap();
  Buffer *buffer = (Buffer *)at;
  *buffer = (Buffer){(uint8_t *)(buffer + 1), size};
  given = end - (uint32_t)&__heap_base - WORDS_BYTES, alive++;
  return buffer;
}
EXPORT("clickhouse_destroy_buffer") void destroy(Buffer *buffer) {
  (void)buffer;
  if (!--alive) given = 0;
}

// ---- Buffers has a head of three 64-bit numbers: columns, rows, and the bytes of the first column

static uint8_t *column(Buffer *buffer, uint32_t rows) {
  uint64_t *head = (uint64_t *)buffer->data;
  head[0] = 1, head[1] = rows, head[2] = buffer->size - HEAD_BYTES;
  return buffer->data + HEAD_BYTES;
}

static uint32_t length_of(const uint8_t **at) {
  uint32_t length = 0;
  for (uint32_t shift = 0;; shift += 7) {
    uint8_t part = *(*at)++;
    length |= (uint32_t)(part & 0x7F) << shift;
    if (part < 0x80) return length;
  }
}

// ---- a block of rows each

EXPORT("boost_rows") Buffer *boost_rows(const Buffer *in, uint32_t rows) {
  Buffer *out = create(8 * rows);
  const double *from = (const double *)in->data;
  double *to = (double *)out->data;
  for (uint32_t i = 0; i < rows; i++) to[i] = boost(from[2 * i], from[2 * i + 1]);
  return out;
}
EXPORT("boost_columns") Buffer *boost_columns(const Buffer *in, uint32_t rows) {
  Buffer *out = create(HEAD_BYTES + 8 * rows);
  const double *x = (const double *)(in->data + HEAD_BYTES), *y = x + rows + 1;
  double *to = (double *)column(out, rows);
  for (uint32_t i = 0; i < rows; i++) to[i] = boost(x[i], y[i]);
  return out;
}

#define OF_TEXTS(name, type, function)                                                 \
  static void name##_all(const uint8_t *at, uint32_t rows, type *to) {                 \
    for (uint32_t i = 0; i < rows; i++) {                                              \
      uint32_t length = length_of(&at);                                                \
      to[i] = function(at, length);                                                    \
      at += length;                                                                    \
    }                                                                                  \
  }                                                                                    \
  EXPORT(#name "_rows") Buffer *name##_rows(const Buffer *in, uint32_t rows) {         \
    Buffer *out = create(sizeof(type) * rows);                                         \
    name##_all(in->data, rows, (type *)out->data);                                     \
    return out;                                                                        \
  }                                                                                    \
  EXPORT(#name "_columns") Buffer *name##_columns(const Buffer *in, uint32_t rows) {   \
    Buffer *out = create(HEAD_BYTES + sizeof(type) * rows);                            \
    name##_all(in->data + HEAD_BYTES, rows, (type *)column(out, rows));                \
    return out;                                                                        \
  }
OF_TEXTS(characters, uint32_t, count)
OF_TEXTS(sentiment, double, sentiment)

static void capitals_all(const uint8_t *at, uint32_t rows, uint8_t *to) {
  for (uint32_t i = 0; i < rows; i++) {
    const uint8_t *from = at;
    uint32_t length = length_of(&at), prefix = at - from;
    __builtin_memcpy(to, from, prefix);
    raise(to + prefix, at, length);
    at += length, to += prefix + length;
  }
}
EXPORT("capitals_rows") Buffer *capitals_rows(const Buffer *in, uint32_t rows) {
  Buffer *out = create(in->size);
  capitals_all(in->data, rows, out->data);
  return out;
}
EXPORT("capitals_columns") Buffer *capitals_columns(const Buffer *in, uint32_t rows) {
  Buffer *out = create(in->size);
  capitals_all(in->data + HEAD_BYTES, rows, column(out, rows));
  return out;
}

#endif
