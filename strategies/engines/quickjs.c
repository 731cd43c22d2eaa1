// QuickJS as the inside of a strategy: JavaScript modules are evaluated once, at the build, and memory is kept as it then is;
// for each ship the main module's default export is called.
//
// The build calls wasmverse_room, wasmverse_file and wasmverse_prepare; a universe calls cabi_realloc and decide.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "quickjs.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { FILES_MAX = 16, ROOM_BYTES = 1 << 16, STACK_BYTES = 192 << 10, ARGUMENTS = 10 };

static struct { const char *name, *text; size_t size; } files[FILES_MAX];
static unsigned files_count;

static uint8_t room[ROOM_BYTES];
static JSContext *context;
static JSValue decide_function;

EXPORT("wasmverse_room") void *wasmverse_room(size_t size) { return calloc(1, size); }

// Name and text end with a zero byte, which the size does not count. The last file is the main module.
EXPORT("wasmverse_file") void wasmverse_file(const char *name, const char *text, size_t size) {
  if (files_count == FILES_MAX) __builtin_trap();
  files[files_count].name = name;
  files[files_count].text = text;
  files[files_count++].size = size;
}

static void report(void) {
  JSValue error = JS_GetException(context);
  const char *text = JS_ToCString(context, error);
  fprintf(stderr, "%s\n", text ? text : "an exception that cannot be shown");
  JSValue stack = JS_GetPropertyStr(context, error, "stack");
  const char *where = JS_ToCString(context, stack);
  if (where) fprintf(stderr, "%s", where);
}

// The room is no memory of QuickJS's, and is never given back.
static void *keep(JSRuntime *runtime, void *opaque, void *bytes, size_t size) { return bytes; }

static JSModuleDef *load(JSContext *ctx, const char *name, void *opaque) {
  for (unsigned i = 0; i < files_count; i++) {
    if (strcmp(files[i].name, name)) continue;
    JSValue module = JS_Eval(ctx, files[i].text, files[i].size, name, JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
    return JS_IsException(module) ? NULL : JS_VALUE_GET_PTR(module);
  }
  JS_ThrowReferenceError(ctx, "there is no file %s beside the strategy", name);
  return NULL;
}

static JSValue print(JSContext *ctx, JSValueConst self, int count, JSValueConst *values) {
  for (int i = 0; i < count; i++) {
    const char *text = JS_ToCString(ctx, values[i]);
    if (!text) return JS_EXCEPTION;
    printf(i ? " %s" : "%s", text);
    JS_FreeCString(ctx, text);
  }
  putchar('\n');
  fflush(stdout);
  return JS_UNDEFINED;
}

// In place of QuickJS's own, which would draw the same numbers for every ship: it is seeded at the build.
static JSValue random_number(JSContext *ctx, JSValueConst self, int count, JSValueConst *values) {
  uint64_t bits;
  getentropy(&bits, sizeof bits);
  return JS_NewFloat64(ctx, (double)(bits >> 11) * 0x1p-53);
}

static void give(JSValueConst object, const char *name, JSCFunction *function) {
  JS_SetPropertyStr(context, object, name, JS_NewCFunction(context, function, name, 0));
}

// 0, or 1 after what went wrong has been printed.
EXPORT("wasmverse_prepare") int wasmverse_prepare(void) {
  JSRuntime *runtime = JS_NewRuntime();
  JS_SetMaxStackSize(runtime, STACK_BYTES);
  JS_SetModuleLoaderFunc(runtime, NULL, load, NULL);
  context = JS_NewContext(runtime);
  JSValue global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, "room", JS_NewArrayBuffer(context, room, sizeof room, 0, keep, NULL, false));
  JSValue console = JS_NewObject(context);
  give(console, "log", print);
  JS_SetPropertyStr(context, global, "console", console);
  JSValue math = JS_GetPropertyStr(context, global, "Math");
  give(math, "random", random_number);
  JS_FreeValue(context, math);
  if (!files_count) __builtin_trap();
  const char *name = files[files_count - 1].name;
  JSModuleDef *main_module = load(context, name, NULL);
  if (!main_module) return report(), 1;
  JSValue done = JS_EvalFunction(context, JS_DupValue(context, JS_MKPTR(JS_TAG_MODULE, main_module)));
  if (JS_IsException(done)) return report(), 1;
  if (JS_PromiseState(context, done) == JS_PROMISE_REJECTED) {
    JS_Throw(context, JS_PromiseResult(context, done));
    return report(), 1;
  }
  JS_FreeValue(context, done);
  JSValue exports = JS_GetModuleNamespace(context, main_module);
  decide_function = JS_GetPropertyStr(context, exports, "default");
  JS_FreeValue(context, exports);
  JS_FreeValue(context, global);
  JS_RunGC(runtime);
  return 0;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  if (size > sizeof room) __builtin_trap();
  return room;
}

EXPORT("decide") uint64_t decide(
    uint32_t kind, uint32_t x, uint32_t y, uint32_t energy, uint32_t shield, uint32_t blasters, uint32_t thrusters,
    uint32_t harvesters, uint64_t last_plan, const uint8_t *seen, uint32_t bytes) {
  JSValue arguments[ARGUMENTS] = {
      JS_NewInt32(context, x), JS_NewInt32(context, y), JS_NewInt32(context, energy), JS_NewInt32(context, shield),
      JS_NewInt32(context, blasters), JS_NewInt32(context, thrusters), JS_NewInt32(context, harvesters),
      JS_NewInt64(context, (int64_t)(last_plan >> 8 & 0xFFFFFFFFFF)), JS_NewInt32(context, last_plan & 0xFF),
      JS_NewInt32(context, bytes),
  };
  JSValue plan = JS_Call(context, decide_function, JS_UNDEFINED, ARGUMENTS, arguments);
  int64_t bits;
  if (JS_IsException(plan) || JS_ToInt64(context, &bits, plan)) {
    report();
    __builtin_trap();
  }
  JS_FreeValue(context, plan);
  return bits;
}
