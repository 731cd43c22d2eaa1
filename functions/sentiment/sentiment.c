// How well disposed a text is, by the words in it: a function of SQL, with its lexicon inside the module.
//
// The rules and all numbers are those of VADER (C.J. Hutto, E. Gilbert: "VADER: A Parsimonious Rule-based Model for Sentiment
// Analysis of Social Media Text", ICWSM 2014), the lexicon is that of its Python package (lexicon.py). A word has a valence; up
// to three words before it, and a few phrases around it, make it stronger, weaker, or turn it round.
//
// One pass maps the text, sixteen bytes at a time: where words end, and which are more than small letters. By the maps the text is
// read into words, each with its number in the lexicon; all that follows compares numbers.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

#include "lexicon.h"

#define EXPORT(name) __attribute__((export_name(name)))

static const double BOOST = 0.293, CAPITALS = 0.733, NEGATED = -0.74, NEVER_SO = 1.25;
static const double BEFORE_BUT = 0.5, AFTER_BUT = 1.5, EXCLAMATION = 0.292, QUESTION = 0.18, QUESTIONS = 0.96;
static const double NEAR[] = {1, 0.95, 0.9};  // what a booster is worth one, two and three words before
static const double ALPHA = 15;               // the sum at which a text is at 0.71 of the way to 1, squared

// ---- memory: the text that the host brings, its maps, the words, the answer; all of it is free again once the answer was read

extern uint8_t __heap_base;
static uint32_t used;

EXPORT("cabi_realloc")
void *cabi_realloc(void *old, uint32_t old_size, uint32_t align, uint32_t size) {
  uint32_t at = (uint32_t)&__heap_base + used;
  at = (at + align - 1) & -align;
  if (size > 0xF0000000 - at) __builtin_trap();
  uint32_t pages = (at + size + 0xFFFF) >> 16, have = __builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == (size_t)-1) __builtin_trap();
  used = at + size - (uint32_t)&__heap_base;
  if (old_size) __builtin_memcpy((void *)at, old, old_size < size ? old_size : size);
  return (void *)at;
}

// ---- words

typedef struct {
  uint32_t start, length;  // in the text
  uint16_t number;         // in the lexicon; 0 for a word that is not there
  uint8_t flags;
  bool is_upper;
} Word;

typedef struct {
  const uint8_t *bytes;
  Word *words;
  uint32_t count, room;
  uint32_t but;  // which word is the first "but"
  uint32_t exclamations, questions;
  uint32_t upper;   // words in capitals
  bool some_upper;  // some words are in capitals, and some are not
} Text;

enum { ROOM = 64 };  // words, to begin with and whenever there is no more room for one

// What a byte is, and what it is in lower case: a look into a table costs less than the comparisons.
enum { SPACE = 1, LOWER = 2, UPPER = 4, PUNCTUATION = 8, BEYOND_ASCII = 16 };
static const uint8_t KIND_OF[256] = {
    [9 ... 13] = SPACE,         [28 ... 32] = SPACE,        [33 ... 47] = PUNCTUATION,   [58 ... 64] = PUNCTUATION,
    [65 ... 90] = UPPER,        [91 ... 96] = PUNCTUATION,  [97 ... 122] = LOWER,        [123 ... 126] = PUNCTUATION,
    [0xC2 ... 0xF4] = BEYOND_ASCII,  // the first byte of a character; the bytes after it are none of these
};

static uint8_t lower(uint8_t c) { return KIND_OF[c] & UPPER ? c | 32 : c; }

// Eight bytes at once; behind the text there are at least so many.
static uint64_t eight(const uint8_t *bytes) {
  uint64_t value;
  __builtin_memcpy(&value, bytes, 8);
  return value;
}

// The first bytes of those that were loaded; there is at least one.
static uint64_t first_of(uint64_t value, uint32_t bytes) { return bytes < 8 ? value & ~0ull >> (64 - 8 * bytes) : value; }

// Eight bytes in lower case: a byte below 128 is a capital if adding makes it 128 for 'A' and not yet for what comes after 'Z'.
static uint64_t lower_eight(uint64_t value) {
  const uint64_t each = 0x0101010101010101;
  uint64_t seven_bits = value & 0x7F * each;
  uint64_t capitals = (seven_bits + (0x80 - 'A') * each) ^ (seven_bits + (0x80 - 'Z' - 1) * each);
  return value | ((capitals & ~value & 0x80 * each) >> 2);
}

// The number of a word. Its first sixteen bytes say where to look (lexicon.py: slot_of), and whether it is the one found there.
static uint16_t find(const uint8_t *word, uint32_t length, bool has_capitals) {
  if (length > LONGEST || length == 0) return 0;
  uint64_t one = first_of(eight(word), length), two = length > 8 ? first_of(eight(word + 8), length - 8) : 0;
  if (has_capitals) one = lower_eight(one), two = lower_eight(two);
  uint32_t slot = (one + two * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93 >> (64 - SLOT_BITS);
  for (; slots[slot]; slot = (slot + 1) % SLOTS) {
    const Known *known = lexicon + slots[slot];
    const uint8_t *letters = pool + known->offset;
    if (known->length != length || first_of(eight(letters), length) != one) continue;
    if (length > 8 && first_of(eight(letters + 8), length - 8) != two) continue;
    uint32_t i = 16;
    while (i < length && letters[i] == lower(word[i])) i++;
    if (i >= length) return known - lexicon;
  }
  return 0;
}

static void add(Text *text, uint32_t start, uint32_t length, uint16_t number, bool is_upper, bool negates) {
  if (text->count == text->room) {  // the words are the last thing in memory, so they can grow where they are
    cabi_realloc(NULL, 0, 1, ROOM * sizeof(Word));
    text->room += ROOM;
  }
  text->upper += is_upper;
  if (lexicon[number].roles & BUT && text->but == UINT32_MAX) text->but = text->count;
  text->words[text->count++] = (Word){start, length, number, lexicon[number].flags | (negates ? NEGATES : 0), is_upper};
}

// A word without the punctuation around it, unless hardly anything would be left: then it is a smiley.
// ``kinds`` are all that are in it.
static void add_word(Text *text, uint32_t start, uint32_t end, uint8_t kinds) {
  const uint8_t *bytes = text->bytes;
  uint32_t first = start, last = end;
  bool negates = false;
  if (kinds & PUNCTUATION) {
    while (first < last && KIND_OF[bytes[first]] & PUNCTUATION) first++;
    while (last > first && KIND_OF[bytes[last - 1]] & PUNCTUATION) last--;
    uint32_t characters = 0;
    for (uint32_t i = first; i < last && characters < 3; i++) characters += (bytes[i] & 0xC0) != 0x80;
    if (characters < 3) first = start, last = end;
    for (uint32_t i = first + 1; i + 1 < last; i++)
      negates |= bytes[i] == '\'' && lower(bytes[i - 1]) == 'n' && lower(bytes[i + 1]) == 't';
  }
  bool is_upper = (kinds & (UPPER | LOWER)) == UPPER;
  add(text, first, last - first, find(bytes + first, last - first, kinds & UPPER), is_upper, negates);
}

// An emoji stands for the words of its name. Returns how many bytes it has, 0 when there is none here.
static uint32_t emoji_at(const uint8_t *bytes, uint32_t length, uint32_t *which) {
  uint32_t size = bytes[0] >= 0xF0 ? 4 : bytes[0] >= 0xE0 ? 3 : 2;
  if (size > length) return 0;
  uint32_t code = bytes[0] & (0x7F >> size);
  for (uint32_t i = 1; i < size; i++) code = code << 6 | (bytes[i] & 0x3F);
  uint32_t low = 0, high = EMOJI;
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (emoji[middle] < code) low = middle + 1; else high = middle;
  }
  *which = low;
  return low < EMOJI && emoji[low] == code ? size : 0;
}

// ---- reading

enum { SEEN = 56 };  // bits that a look at a map gives, wherever it begins

static uint64_t bits(const uint8_t *map, uint32_t at) { return eight(map + at / 8) >> at % 8; }

static v128_t within(v128_t bytes, uint8_t first, uint8_t last) {
  return wasm_u8x16_lt(wasm_i8x16_sub(bytes, wasm_u8x16_splat(first)), wasm_u8x16_splat(last - first + 1));
}

static uint32_t count_of(v128_t bytes, uint8_t byte, uint32_t there) {
  return __builtin_popcount(wasm_i8x16_bitmask(wasm_i8x16_eq(bytes, wasm_u8x16_splat(byte))) & there);
}

// Draws the maps: which bytes are spaces, and which are neither spaces nor small letters nor digits. Behind its end the text goes
// on as spaces.
static void draw(Text *text, uint32_t length, uint8_t *spaces, uint8_t *others) {
  for (uint32_t i = 0; i < length; i += 16) {
    v128_t bytes = wasm_v128_load(text->bytes + i);
    v128_t space = wasm_v128_or(within(bytes, 9, 13), within(bytes, 28, 32));
    v128_t plain = wasm_v128_or(wasm_v128_or(within(bytes, 'a', 'z'), within(bytes, '0', '9')), space);
    uint32_t there = length - i < 16 ? (1u << (length - i)) - 1 : 0xFFFF;
    uint32_t other = ~wasm_i8x16_bitmask(plain) & there;
    *(uint16_t *)(spaces + i / 8) = wasm_i8x16_bitmask(space) | ~there;
    *(uint16_t *)(others + i / 8) = other;
    if (!other) continue;
    text->exclamations += count_of(bytes, '!', there);
    text->questions += count_of(bytes, '?', there);
  }
  uint32_t end = (length + 15) / 16 * 2;
  __builtin_memset(spaces + end, 0xFF, 8);
  __builtin_memset(others + end, 0, 8);
}

// A word that is long, or has more in it than small letters and digits: byte by byte, as there may be emoji in it.
static void read_carefully(Text *text, uint32_t start, uint32_t end) {
  const uint8_t *bytes = text->bytes;
  uint8_t kinds = 0;
  for (uint32_t i = start; i < end; i++) {
    uint8_t kind = KIND_OF[bytes[i]];
    kinds |= kind;
    if (!(kind & BEYOND_ASCII)) continue;
    uint32_t which, size = emoji_at(bytes + i, end - i, &which);
    if (!size) continue;
    if (start < i) add_word(text, start, i, kinds);
    for (uint32_t word = emoji_starts[which]; word < emoji_starts[which + 1]; word++)
      add(text, i, size, emoji_words[word], false, false);
    start = i + size, i += size - 1, kinds = 0;
  }
  if (start < end) add_word(text, start, end, kinds);
}

static Text read(const uint8_t *bytes, uint32_t length) {
  Text text = {.bytes = bytes, .but = UINT32_MAX, .room = ROOM};
  uint32_t map_bytes = length / 8 + 16;
  uint8_t *spaces = cabi_realloc(NULL, 0, 8, 2 * map_bytes), *others = spaces + map_bytes;
  draw(&text, length, spaces, others);
  text.words = cabi_realloc(NULL, 0, 4, ROOM * sizeof(Word));
  for (uint32_t i = 0; i < length;) {
    uint64_t ends = bits(spaces, i) | 1ull << SEEN;
    if (ends & 1) {
      i++;
      continue;
    }
    uint32_t end = i + __builtin_ctzll(ends);
    if (end - i < SEEN && !(bits(others, i) << (64 - (end - i)))) {
      add(&text, i, end - i, find(bytes + i, end - i, false), false, false);
    } else {
      while (!(bits(spaces, end) & 1)) end++;
      read_carefully(&text, i, end);
    }
    i = end + 1;
  }
  text.some_upper = text.upper > 0 && text.upper < text.count;
  return text;
}

// ---- what a word is worth among its neighbours

static bool has(const Word *word, uint16_t role) { return lexicon[word->number].roles & role; }

static int words_in(int phrase) { return phrases[3 * phrase + 2] ? 3 : 2; }

// The phrase of so many words that begins at a word, with a valence of its own or one that weakens; -1 for none. Phrases that begin
// with the same word follow each other.
static inline __attribute__((always_inline)) int phrase_at(const Text *text, uint32_t at, int words, bool boosts) {
  uint16_t number = text->words[at].number;
  int phrase = lexicon[number].phrase - 1;
  if (phrase < 0 || at + words > text->count) return -1;
  for (; phrase < PHRASES && phrases[3 * phrase] == number; phrase++) {
    const uint16_t *parts = phrases + 3 * phrase;
    if (words_in(phrase) == words && (phrase_boosts[phrase] != 0) == boosts && parts[1] == text->words[at + 1].number &&
        (words == 2 || parts[2] == text->words[at + 2].number))
      return phrase;
  }
  return -1;
}

// Where phrases are looked for: where they begin, counted from the word, and of how many words they are.
static const int8_t BEFORE[][2] = {{-1, 2}, {-2, 3}, {-2, 2}, {-3, 3}, {-3, 2}}, AHEAD[][2] = {{0, 2}, {0, 3}};

// A phrase with a valence of its own replaces that of the word: of those before it the first that is found, then those ahead.
// The others, "kind of" and its like, weaken what comes after them.
static double phrased(const Text *text, uint32_t at, double valence) {
  if (!((text->words[at - 3].flags | text->words[at - 2].flags | text->words[at - 1].flags | text->words[at].flags) & IN_PHRASE))
    return valence;
  int found = -1;
  for (int k = 0; k < 5 && found < 0; k++) {
    found = phrase_at(text, at + BEFORE[k][0], BEFORE[k][1], false);
    if (found >= 0) valence = phrase_tenths[found] / 10.0;
  }
  for (int k = 0; k < 2; k++) {
    found = phrase_at(text, at, AHEAD[k][1], false);
    if (found >= 0) valence = phrase_tenths[found] / 10.0;
  }
  for (int k = 2; k < 5; k++) {  // without those in which the word itself is
    found = phrase_at(text, at + BEFORE[k][0], BEFORE[k][1], true);
    if (found >= 0) valence += phrase_boosts[found] * BOOST;
  }
  return valence;
}

static double boosted(const Text *text, const Word *before, double valence) {
  int boost = lexicon[before->number].boost;
  if (!boost) return 0;
  double by = valence < 0 ? -boost * BOOST : boost * BOOST;
  if (before->is_upper && text->some_upper) by += valence > 0 ? CAPITALS : -CAPITALS;
  return by;
}

static double negated(const Word *word, int distance, double valence) {
  const Word *before = word - distance;
  if (distance == 2) {
    if (has(before, NEVER) && has(word - 1, SO)) return valence * NEVER_SO;
    if (has(before, WITHOUT) && has(word - 1, DOUBT)) return valence;
  }
  if (distance == 3) {
    if ((has(before, NEVER) && has(word - 2, SO)) || has(word - 1, SO)) return valence * NEVER_SO;
    if (has(before, WITHOUT) && (has(word - 2, DOUBT) || has(word - 1, DOUBT))) return valence;
  }
  return before->flags & NEGATES ? valence * NEGATED : valence;
}

static double valence_of(const Text *text, uint32_t at) {
  const Word *word = text->words + at;
  if (!(word->flags & IN_LEXICON) || lexicon[word->number].boost) return 0;
  if (has(word, KIND) && at + 1 < text->count && has(word + 1, OF)) return 0;

  double valence = lexicon[word->number].tenths / 10.0;
  if (has(word, NO) && at + 1 < text->count && word[1].flags & IN_LEXICON) valence = 0;  // it turns the next word round
  if ((at > 0 && has(word - 1, NO)) || (at > 1 && has(word - 2, NO)) ||
      (at > 2 && has(word - 3, NO) && has(word - 1, OR)))
    valence = lexicon[word->number].tenths / 10.0 * NEGATED;
  if (word->is_upper && text->some_upper) valence += valence > 0 ? CAPITALS : -CAPITALS;

  for (int distance = 1; distance <= 3 && (uint32_t)distance <= at; distance++) {
    const Word *before = word - distance;
    if (before->flags & IN_LEXICON) continue;
    if (before->number || before->flags || (distance == 3 && has(word - 1, SO))) {  // other words change nothing
      valence += boosted(text, before, valence) * NEAR[distance - 1];
      valence = negated(word, distance, valence);
    }
    if (distance == 3) valence = phrased(text, at, valence);
  }
  if (at > 0 && has(word - 1, LEAST) && !(word[-1].flags & IN_LEXICON) && !(at > 1 && has(word - 2, AT))) valence *= NEGATED;
  return valence;
}

// What a word adds to the sum: what comes before a "but" counts half, what comes after it half as much again.
static double worth(const Text *text, uint32_t at) {
  double valence = valence_of(text, at);
  if (valence == 0 || text->but == UINT32_MAX || at == text->but) return valence;
  return valence * (at < text->but ? BEFORE_BUT : AFTER_BUT);
}

// ---- the functions

EXPORT("sentiment")
double sentiment(const uint8_t *bytes, uint32_t length) {
  Text text = read(bytes, length);
  double sum = 0;
  for (uint32_t i = 0; i < text.count; i++)
    if (text.words[i].flags & IN_LEXICON) sum += worth(&text, i);
  double emphasis = EXCLAMATION * (text.exclamations < 4 ? text.exclamations : 4);
  if (text.questions > 1) emphasis += text.questions > 3 ? QUESTIONS : QUESTION * text.questions;
  used = 0;
  if (sum == 0) return 0;
  sum += sum > 0 ? emphasis : -emphasis;
  return sum / __builtin_sqrt(sum * sum + ALPHA);
}

typedef struct { const uint8_t *word; uint32_t length; double valence; } Feeling;
typedef struct { Feeling *items; uint32_t count; } Feelings;

EXPORT("feelings")
Feelings *feelings(const uint8_t *bytes, uint32_t length) {
  static Feelings answer;
  Text text = read(bytes, length);
  answer = (Feelings){cabi_realloc(NULL, 0, 8, text.count * sizeof(Feeling)), 0};
  for (uint32_t i = 0; i < text.count; i++) {
    double valence = worth(&text, i);
    const Word *word = text.words + i;
    if (valence != 0) answer.items[answer.count++] = (Feeling){bytes + word->start, word->length, valence};
  }
  return &answer;
}

EXPORT("cabi_post_feelings")
void free_feelings(const Feelings *read) {
  (void)read;
  used = 0;
}
