// node strip_types.mjs TSC FROM TO: JavaScript of a folder's TypeScript, each type replaced by spaces, so that every place
// stays what it was; JavaScript is copied. Files keep their names: QuickJS reads by what is in them.
//
// TSC is the compiler that has checked them; @swc/wasm-typescript is looked for where that was installed.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const PACKAGE = "@swc/wasm-typescript";
const [tsc, from, to] = process.argv.slice(2);

function fail(text) {
  console.error(text);
  process.exit(1);
}

function installed() {
  for (const place of [realpathSync(tsc), join(from, "package.json")]) {
    try {
      return createRequire(place)(PACKAGE);
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return fail(`${PACKAGE}, which takes the types out, is not installed: npm install ${PACKAGE}, in the project's folder`);
}

const { transformSync } = installed();
mkdirSync(to, { recursive: true });
for (const name of readdirSync(from)) {
  if (name.endsWith(".js")) copyFileSync(join(from, name), join(to, name));
  if (!name.endsWith(".ts") || name.endsWith(".d.ts")) continue;
  try {
    const { code } = transformSync(readFileSync(join(from, name), "utf8"), { mode: "strip-only", filename: name });
    writeFileSync(join(to, name), code);
  } catch (error) {
    fail(`${name}(${error.startLine ?? 1},${(error.startColumn ?? 0) + 1}): error: ${error.message}`);
  }
}
