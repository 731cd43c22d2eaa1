// How well disposed a text is, by the words in it: a function of SQL, with its lexicon inside the module.
//
// The rules and all numbers are those of VADER (C.J. Hutto, E. Gilbert: "VADER: A Parsimonious Rule-based Model for Sentiment
// Analysis of Social Media Text", ICWSM 2014), the lexicon is that of its Python package (lexicon.py). A word has a valence; up
// to three words before it, and a few phrases around it, make it stronger, weaker, or turn it round.
//
// One pass reads the text into words, each with its number in the lexicon; all that follows compares numbers.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lexicon.h"

#define EXPORT(name) __attribute__((export_name(name)))

static const double BOOST = 0.293, CAPITALS = 0.733, NEGATED = -0.74, NEVER_SO = 1.25;
static const double BEFORE_BUT = 0.5, AFTER_BUT = 1.5, EXCLAMATION = 0.292, QUESTION = 0.18, QUESTIONS = 0.96;
static const double NEAR[] = {1, 0.95, 0.9};  // what a booster is worth one, two and three words before
static const double ALPHA = 15;               // the sum at which a text is at 0.71 of the way to 1, squared

// ---- memory: the text that the host brings, the words, the answer; all of it is free again once the answer was read

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
  __builtin_memcpy((void *)at, old, old_size < size ? old_size : size);
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
  bool some_upper;  // some words are in capitals, and some are not
} Text;

// What a byte is, and what it is in lower case: a look into a table costs less than the comparisons.
enum { SPACE = 1, LOWER = 2, UPPER = 4, PUNCTUATION = 8, BEYOND_ASCII = 16 };
static const uint8_t KIND_OF[256] = {
    [9 ... 13] = SPACE,         [28 ... 32] = SPACE,        [33 ... 47] = PUNCTUATION,   [58 ... 64] = PUNCTUATION,
    [65 ... 90] = UPPER,        [91 ... 96] = PUNCTUATION,  [97 ... 122] = LOWER,        [123 ... 126] = PUNCTUATION,
    [0xC2 ... 0xF4] = BEYOND_ASCII,  // the first byte of a character; the bytes after it are none of these
};

static uint8_t lower(uint8_t c) { return KIND_OF[c] & UPPER ? c | 32 : c; }

static uint16_t find(const uint8_t *word, uint32_t length) {
  uint32_t hash = 2166136261u;
  for (uint32_t i = 0; i < length; i++) hash = (hash ^ lower(word[i])) * 16777619u;
  for (uint32_t slot = hash % SLOTS; slots[slot]; slot = (slot + 1) % SLOTS) {
    uint16_t number = slots[slot];
    if (lengths[number] != length) continue;
    const uint8_t *known = pool + offsets[number];
    uint32_t i = 0;
    while (i < length && known[i] == lower(word[i])) i++;
    if (i == length) return number;
  }
  return 0;
}

static void add(Text *text, uint32_t start, uint32_t length, uint16_t number, bool is_upper, bool negates) {
  if (text->count == text->room) {  // the words are the last thing in memory, so they can grow where they are
    cabi_realloc(NULL, 0, 1, 64 * sizeof(Word));
    text->room += 64;
  }
  if (roles[number] & BUT && text->but == UINT32_MAX) text->but = text->count;
  text->words[text->count++] = (Word){start, length, number, flags[number] | (negates ? NEGATES : 0), is_upper};
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
  add(text, first, last - first, find(bytes + first, last - first), is_upper, negates);
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

static Text read(const uint8_t *bytes, uint32_t length) {
  Text text = {.bytes = bytes, .but = UINT32_MAX, .words = cabi_realloc(NULL, 0, 4, 0)};
  for (uint32_t i = 0; i < length;) {
    uint32_t start = i;
    uint8_t kinds = 0;
    for (; i < length && !(KIND_OF[bytes[i]] & SPACE); i++) {
      uint8_t kind = KIND_OF[bytes[i]];
      kinds |= kind;
      if (kind & PUNCTUATION) {
        text.exclamations += bytes[i] == '!';
        text.questions += bytes[i] == '?';
      } else if (kind & BEYOND_ASCII) {
        uint32_t which, size = emoji_at(bytes + i, length - i, &which);
        if (!size) continue;
        if (start < i) add_word(&text, start, i, kinds);
        for (uint32_t word = emoji_starts[which]; word < emoji_starts[which + 1]; word++)
          add(&text, i, size, emoji_words[word], false, false);
        start = i + size, i += size - 1, kinds = 0;
      }
    }
    if (start < i) add_word(&text, start, i, kinds);
    i++;
  }
  uint32_t upper = 0;
  for (uint32_t i = 0; i < text.count; i++) upper += text.words[i].is_upper;
  text.some_upper = upper > 0 && upper < text.count;
  return text;
}

// ---- what a word is worth among its neighbours

static bool has(const Word *word, uint16_t role) { return roles[word->number] & role; }

static bool is_phrase(const Text *text, uint32_t at, int phrase) {
  const uint16_t *parts = phrases + 3 * phrase;
  for (uint32_t i = 0; i < 3 && parts[i]; i++)
    if (at + i >= text->count || text->words[at + i].number != parts[i]) return false;
  return true;
}

static int words_in(int phrase) { return phrases[3 * phrase + 2] ? 3 : 2; }

// Where phrases are looked for: where they begin, counted from the word, and of how many words they are.
static const int8_t BEFORE[][2] = {{-1, 2}, {-2, 3}, {-2, 2}, {-3, 3}, {-3, 2}}, AHEAD[][2] = {{0, 2}, {0, 3}};

// A phrase with a valence of its own replaces that of the word: of those before it the first that is found, then those ahead.
// The others, "kind of" and its like, weaken what comes after them.
static double phrased(const Text *text, uint32_t at, double valence) {
  if (!((text->words[at - 3].flags | text->words[at - 2].flags | text->words[at - 1].flags | text->words[at].flags) & IN_PHRASE))
    return valence;
  bool found = false;
  for (int k = 0; k < 5 && !found; k++)
    for (int p = 0; p < PHRASES && !found; p++)
      if (!phrase_boosts[p] && words_in(p) == BEFORE[k][1] && is_phrase(text, at + BEFORE[k][0], p))
        valence = phrase_tenths[p] / 10.0, found = true;
  for (int k = 0; k < 2; k++)
    for (int p = 0; p < PHRASES; p++)
      if (!phrase_boosts[p] && words_in(p) == AHEAD[k][1] && is_phrase(text, at, p)) valence = phrase_tenths[p] / 10.0;
  for (int k = 2; k < 5; k++)  // without those in which the word itself is
    for (int p = 0; p < PHRASES; p++)
      if (phrase_boosts[p] && words_in(p) == BEFORE[k][1] && is_phrase(text, at + BEFORE[k][0], p))
        valence += phrase_boosts[p] * BOOST;
  return valence;
}

static double boosted(const Text *text, const Word *before, double valence) {
  int boost = boosts[before->number];
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
  if (!(word->flags & IN_LEXICON) || boosts[word->number]) return 0;
  if (has(word, KIND) && at + 1 < text->count && has(word + 1, OF)) return 0;

  double valence = tenths[word->number] / 10.0;
  if (has(word, NO) && at + 1 < text->count && word[1].flags & IN_LEXICON) valence = 0;  // it turns the next word round
  if ((at > 0 && has(word - 1, NO)) || (at > 1 && has(word - 2, NO)) ||
      (at > 2 && has(word - 3, NO) && has(word - 1, OR)))
    valence = tenths[word->number] / 10.0 * NEGATED;
  if (word->is_upper && text->some_upper) valence += valence > 0 ? CAPITALS : -CAPITALS;

  for (int distance = 1; distance <= 3 && (uint32_t)distance <= at; distance++) {
    if (word[-distance].flags & IN_LEXICON) continue;
    valence += boosted(text, word - distance, valence) * NEAR[distance - 1];
    valence = negated(word, distance, valence);
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
  for (uint32_t i = 0; i < text.count; i++) sum += worth(&text, i);
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
