/**
 * A custom section that names language and compiler, as other compilers write it by themselves. Build and page append it,
 * so that both make the same bytes of a source.
 */
export function producersSection(version) {
  // Lengths below 128 are one byte in WebAssembly's variable-length numbers, and all of these are.
  const sized = (bytes) => [bytes.length, ...bytes];
  const text = (value) => sized(new TextEncoder().encode(value));
  const body = [
    ...text("producers"), 2,
    ...text("language"), 1, ...text("AssemblyScript"), ...text(version),
    ...text("processed-by"), 1, ...text("asc"), ...text(version),
  ];
  return Uint8Array.from([0, ...sized(body)]);
}
