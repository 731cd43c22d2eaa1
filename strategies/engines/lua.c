// Lua as the inside of a strategy: its files are run once, at the build, and memory is kept as it then is; for each ship the
// function that the strategy's file returns is called.
//
// The build calls wasmverse_room, wasmverse_file and wasmverse_prepare; a universe calls cabi_realloc and decide.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

#define EXPORT(name) __attribute__((export_name(name)))

enum { FILES_MAX = 64, ROOM_BYTES = 1 << 16, KEPT_BYTES = 1 << 16, ENTITIES_MADE = 64 };

static struct { const char *name, *text; size_t size; } files[FILES_MAX];
static unsigned files_count;

static uint8_t room[ROOM_BYTES];
static lua_State *L;
static int traceback_ref, decide_ref, ship_ref, system_ref, entities_ref; // in Lua's registry
static unsigned seen_count, entities_count;
static bool is_seeded;

__attribute__((noinline)) void wasmverse_unwind(void) {
  static uint8_t kept[KEPT_BYTES];
  static struct unwound unwound;
  unwound = (struct unwound){kept, kept + KEPT_BYTES};
  asyncify_start_unwind(&unwound);
}

EXPORT("wasmverse_room") void *wasmverse_room(size_t size) { return calloc(1, size); }

// Name and text end with a zero byte, which the size does not count. The last file is the strategy.
EXPORT("wasmverse_file") void wasmverse_file(const char *name, const char *text, size_t size) {
  if (files_count == FILES_MAX) __builtin_trap();
  files[files_count].name = name;
  files[files_count].text = text;
  files[files_count++].size = size;
}

static void run(lua_State *l, unsigned file) {
  char chunk[256];
  snprintf(chunk, sizeof chunk, "=%s", files[file].name);
  if (luaL_loadbufferx(l, files[file].text, files[file].size, chunk, "t")) lua_error(l);
  lua_call(l, 0, 1);
}

// require "name": what name.lua beside the strategy returns, run once.
static int require(lua_State *l) {
  const char *wanted = luaL_checkstring(l, 1);
  lua_settop(l, 1);
  if (lua_getfield(l, lua_upvalueindex(1), wanted) != LUA_TNIL) return 1;
  for (unsigned i = 0; i < files_count; i++) {
    size_t length = strlen(wanted);
    if (strncmp(files[i].name, wanted, length) || strcmp(files[i].name + length, ".lua")) continue;
    run(l, i);
    if (lua_isnil(l, -1)) lua_pushboolean(l, true);
    lua_pushvalue(l, -1);
    lua_setfield(l, lua_upvalueindex(1), wanted);
    return 1;
  }
  return luaL_error(l, "there is no file %s.lua beside the strategy", wanted);
}

static int print(lua_State *l) {
  int count = lua_gettop(l);
  for (int i = 1; i <= count; i++) {
    size_t size;
    const char *text = luaL_tolstring(l, i, &size);
    if (i > 1) putchar('\t');
    fwrite(text, 1, size, stdout);
    lua_pop(l, 1);
  }
  putchar('\n');
  fflush(stdout);
  return 0;
}

// math.random, seeded at the first use in each call: Lua's own is seeded at the build, and would draw the same for every ship.
static int random_number(lua_State *l) {
  int count = lua_gettop(l);
  if (!is_seeded) {
    lua_Integer seed[2];
    getentropy(seed, sizeof seed);
    lua_pushvalue(l, lua_upvalueindex(2));
    lua_pushinteger(l, seed[0]);
    lua_pushinteger(l, seed[1]);
    lua_call(l, 2, 0);
    is_seeded = true;
  }
  lua_pushvalue(l, lua_upvalueindex(1));
  lua_insert(l, 1);
  lua_call(l, count, 1);
  return 1;
}

static void open_libraries(void) {
  static const luaL_Reg libraries[] = {
      {LUA_GNAME, luaopen_base},        {LUA_COLIBNAME, luaopen_coroutine}, {LUA_TABLIBNAME, luaopen_table},
      {LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},    {LUA_UTF8LIBNAME, luaopen_utf8}};
  for (unsigned i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref(L, libraries[i].name, libraries[i].func, true);
    lua_pop(L, 1);
  }
  for (const char **name = (const char *[]){"dofile", "loadfile", NULL}; *name; name++) {
    lua_pushnil(L);
    lua_setglobal(L, *name);
  }
  lua_register(L, "print", print);
  lua_newtable(L);
  lua_pushcclosure(L, require, 1);
  lua_setglobal(L, "require");
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "random");
  lua_getfield(L, -2, "randomseed");
  lua_pushcclosure(L, random_number, 2);
  lua_setfield(L, -2, "random");
  lua_pop(L, 1);
}

static int with_traceback(lua_State *l) {
  luaL_traceback(l, l, luaL_tolstring(l, 1, NULL), 1);
  return 1;
}

static int prepare(lua_State *l) {
  open_libraries();
  if (!files_count) return luaL_error(l, "there is no strategy");
  run(l, files_count - 1);
  const char *name = files[files_count - 1].name;
  if (!lua_isfunction(l, -1)) return luaL_error(l, "%s:1: a strategy's file must return its function decide(ship, system)", name);
  decide_ref = luaL_ref(l, LUA_REGISTRYINDEX);
  lua_newtable(l);
  ship_ref = luaL_ref(l, LUA_REGISTRYINDEX);
  lua_createtable(l, ENTITIES_MADE, 0);
  system_ref = luaL_ref(l, LUA_REGISTRYINDEX);
  lua_createtable(l, ENTITIES_MADE, 0);
  for (; entities_count < ENTITIES_MADE; entities_count++) {
    lua_createtable(l, 0, 4);
    lua_rawseti(l, -2, entities_count + 1);
  }
  entities_ref = luaL_ref(l, LUA_REGISTRYINDEX);
  lua_gc(l, LUA_GCCOLLECT);
  return 0;
}

// 0, or 1 after what went wrong has been printed.
EXPORT("wasmverse_prepare") int wasmverse_prepare(void) {
  L = luaL_newstate();
  lua_pushcfunction(L, with_traceback);
  lua_pushvalue(L, -1);
  traceback_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, prepare);
  if (lua_pcall(L, 0, 0, 1) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  lua_settop(L, 0);
  return 0;
}

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  if (size > sizeof room) __builtin_trap();
  return room;
}

static void set(lua_State *l, const char *field, lua_Integer value) {
  lua_pushinteger(l, value);
  lua_setfield(l, -2, field);
}

// What the ship sees, in the table of the system, which has an entity's table in each of its first places and no others.
static void show(lua_State *l, const uint8_t *seen, unsigned count) {
  lua_rawgeti(l, LUA_REGISTRYINDEX, system_ref);
  lua_rawgeti(l, LUA_REGISTRYINDEX, entities_ref);
  for (unsigned i = 0; i < count; i++, seen += 4) {
    if (i < entities_count) {
      lua_rawgeti(l, -1, i + 1);
    } else {
      lua_createtable(l, 0, 4);
      lua_pushvalue(l, -1);
      lua_rawseti(l, -3, ++entities_count);
    }
    set(l, "kind", seen[0]);
    set(l, "danger", seen[1]);
    set(l, "x", seen[2]);
    set(l, "y", seen[3]);
    if (i < seen_count) {
      lua_pop(l, 1);
    } else {
      lua_rawseti(l, -3, i + 1);
    }
  }
  lua_pop(l, 1);
  for (; seen_count > count; seen_count--) {
    lua_pushnil(l);
    lua_rawseti(l, -2, seen_count);
  }
  seen_count = count;
}

static struct {
  uint32_t x, y, energy, shield, blasters, thrusters, harvesters, bytes;
  uint64_t last_plan;
  const uint8_t *seen;
} asked;

static int decide_one(lua_State *l) {
  lua_rawgeti(l, LUA_REGISTRYINDEX, decide_ref);
  lua_rawgeti(l, LUA_REGISTRYINDEX, ship_ref);
  set(l, "x", asked.x);
  set(l, "y", asked.y);
  set(l, "energy", asked.energy);
  set(l, "shield", asked.shield);
  set(l, "blasters", asked.blasters);
  set(l, "thrusters", asked.thrusters);
  set(l, "harvesters", asked.harvesters);
  set(l, "memory", asked.last_plan >> 8);
  set(l, "last_command", asked.last_plan & 0xFF);
  show(l, asked.seen, asked.bytes / 4);
  lua_call(l, 2, 1);
  if (!lua_isinteger(l, -1)) return luaL_error(l, "decide returned %s; a plan is an integer", luaL_typename(l, -1));
  return 1;
}

EXPORT("decide") uint64_t decide(
    uint32_t kind, uint32_t x, uint32_t y, uint32_t energy, uint32_t shield, uint32_t blasters, uint32_t thrusters,
    uint32_t harvesters, uint64_t last_plan, const uint8_t *seen, uint32_t bytes) {
  asked.x = x, asked.y = y, asked.energy = energy, asked.shield = shield, asked.blasters = blasters;
  asked.thrusters = thrusters, asked.harvesters = harvesters, asked.last_plan = last_plan;
  asked.seen = seen, asked.bytes = bytes;
  is_seeded = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, traceback_ref);
  lua_pushcfunction(L, decide_one);
  if (lua_pcall(L, 0, 1, 1) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    __builtin_trap();
  }
  lua_Integer plan = lua_tointeger(L, -1);
  lua_settop(L, 0);
  return plan;
}
