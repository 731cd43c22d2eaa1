// Compiles strategies to WebAssembly.
//
//   npm run build                              the bundled strategies, and the example
//   npm run build -- my_strategy.ts            one file, to build/my_strategy.wasm
//   npm run build -- my_strategy.ts -o my.wasm one file, to a place of your choice
//
// The compiler's options are in asconfig.json; those of the bundled strategies, which assert nothing, in asconfig.bundled.json.

import { appendFileSync, mkdirSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { main as compile, version } from "assemblyscript/asc";
import { producersSection } from "./producers.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const bundledFolder = resolve(here, "../../server/wasmverse/bundled");
const buildFolder = resolve(here, "build");
// npm changes to this folder; the paths on the command line are meant from where the user stands.
const userFolder = process.env.INIT_CWD ?? process.cwd();

const BUNDLED = ["strategy_default", "strategy_flee", "strategy_battle", "strategy_blank"];
const EXAMPLES = ["my_strategy"];

async function build(sourcePath, modulePath, config = "asconfig.json") {
  mkdirSync(dirname(modulePath), { recursive: true });
  const fromHere = (path) => relative(here, path).replaceAll("\\", "/");
  const result = await compile(
    [fromHere(sourcePath), "--outFile", fromHere(modulePath), "--config", config, "--baseDir", here],
    { stdout: process.stdout, stderr: process.stderr },
  );
  if (result.error) {
    process.exitCode = 1;
    return;
  }
  appendFileSync(modulePath, producersSection(version));
  console.log(`${relative(userFolder, modulePath)}  ${statSync(modulePath).size} bytes`);
}

function moduleIn(folder, sourcePath) {
  return resolve(folder, `${basename(sourcePath, ".ts")}.wasm`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: "string", short: "o" } },
});

if (positionals.length === 0) {
  for (const name of BUNDLED)
    await build(resolve(here, `${name}.ts`), moduleIn(bundledFolder, name), "asconfig.bundled.json");
  for (const name of EXAMPLES) await build(resolve(here, `${name}.ts`), moduleIn(buildFolder, name));
} else if (positionals.length === 1) {
  const sourcePath = resolve(userFolder, positionals[0]);
  const modulePath = values.output ? resolve(userFolder, values.output) : moduleIn(buildFolder, sourcePath);
  await build(sourcePath, modulePath);
} else {
  console.error(`one strategy at a time: found ${positionals.join(", ")}`);
  process.exitCode = 2;
}
