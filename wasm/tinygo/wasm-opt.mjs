#!/usr/bin/env node
// binaryen's wasm-opt as TinyGo calls it, by the environment's WASMOPT, with one thing that TinyGo does not tell it: none
// of our imports is a place where a goroutine waits. It would else make each function that may call one ready to be left
// and entered again in its midst, which is a quarter of the code.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const wasmOpt = fileURLToPath(new URL('../../web/node_modules/binaryen/bin/wasm-opt', import.meta.url));
const args = process.argv.slice(2);
if (args.includes('--asyncify')) {
  // What is small before it is made ready to be left stays small: a sixth of the module. But where TinyGo itself leaves and
  // enters goroutines, nothing may become one function with the code around it, which would then run twice.
  args.splice(args.indexOf('--asyncify'), 0, '--no-inline=tinygo_*', '-Oz');
  args.push('--pass-arg=asyncify-ignore-imports');
}
const { status, error } = spawnSync(process.execPath, [wasmOpt, ...args], { stdio: 'inherit' });
if (error) throw error;
process.exitCode = status ?? 1;
