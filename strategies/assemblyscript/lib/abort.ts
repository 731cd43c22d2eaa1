// What a failed assertion does: its text, file and line are printed, by which they get into the fault's reason, and the call
// traps. A module imports WASI for it only if it can fail so.

// @ts-ignore: a decorator of functions
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(file: u32, vectors: usize, count: u32, written: usize): u32;

const STANDARD_ERROR: u32 = 2;
const UNIT_BYTES_MAX: i32 = 3;
const NUMBER_BYTES_MAX: i32 = 10;
const TEXT_BYTES_MAX: i32 = 768;

/** What asconfig.json names as `abort`; `assert` and `throw` call it. */
// @ts-ignore: a decorator of functions
@global
export function wasmverse_abort(
  message: string | null = null,
  file: string | null = null,
  line: u32 = 0,
  column: u32 = 0,
): void {
  // Nothing is allocated: it may be an allocation that has failed. And only who fails has these bytes in its memory.
  const vector = memory.data(16, 4);
  const text = memory.data(TEXT_BYTES_MAX);
  const stop = text + TEXT_BYTES_MAX - NUMBER_BYTES_MAX;
  let end = text;
  if (message) end = put(end, stop, message);
  if (file) {
    end = put(end, stop, " at ");
    end = put(end, stop, file);
    end = put(end, stop, ":");
    end = putNumber(end, line);
  }
  store<u32>(vector, <u32>text);
  store<u32>(vector, <u32>(end - text), 4);
  fd_write(STANDARD_ERROR, vector, 1, vector + 8);
  unreachable();
}

function put(end: usize, stop: usize, part: string): usize {
  const units = min<i32>(part.length, <i32>(stop - end) / UNIT_BYTES_MAX);
  return end + String.UTF8.encodeUnsafe(changetype<usize>(part), units, end);
}

function putNumber(end: usize, number: u32): usize {
  let after = end + 1;
  for (let rest = number / 10; rest; rest /= 10) after++;
  for (let at = after; at > end; number /= 10) store<u8>(--at, <u8>(48 + (number % 10)));
  return after;
}
