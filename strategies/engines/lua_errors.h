// How Lua's errors get back to where they are caught, without longjmp, which WebAssembly 2.0 has no instruction for: each function
// returns early, as Binaryen's pass Asyncify has added to it (tools/build-lua). Nothing is ever resumed, so what the pass
// keeps of the functions that were left is written over by the next error.
#include <stddef.h>

#define ASYNCIFY(name) __attribute__((import_module("asyncify"), import_name(name)))

struct unwound {
  void *at, *end;
};

ASYNCIFY("start_unwind") void asyncify_start_unwind(struct unwound *kept);
ASYNCIFY("stop_unwind") void asyncify_stop_unwind(void);

void wasmverse_unwind(void);

#define luai_jmpbuf int
#define LUAI_THROW(L, c) wasmverse_unwind()
#define LUAI_TRY(L, c, a) \
  { \
    a; \
    if ((c)->status != LUA_OK) asyncify_stop_unwind(); \
  }
