#!/usr/bin/env node
// binaryen's wasm-opt as TinyGo calls it, by the environment's WASMOPT, with one thing that TinyGo does not tell it: none
// of our imports is a place where a goroutine waits. It would else make each function that may call one ready to be left
// and entered again in its midst, which is a quarter of the code.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { markWritable } from './globals.mjs';

const wasmOpt = fileURLToPath(new URL('../../web/node_modules/binaryen/bin/wasm-opt', import.meta.url));
/**
 * Functions in which no goroutine ever waits, but that call something by a value, which binaryen takes for what might;
 * and so for all that calls them.
 */
const NEVER_WAIT = [
  // A map's functions for the hash of a key and for equality are the compiler's own.
  'runtime.hashmap*',
  // Asks the error that it has been given for its text, and is the end of the program.
  'runtime._panic',
  // Asks JavaScript for the time zone once, under a lock that nobody else can find locked, as that does not wait.
  '(*time.Location).get',
];
const args = process.argv.slice(2);
if (args.includes('--asyncify')) {
  // The linker's own, which only now still tells its sections apart.
  const file = args.find((word) => !word.startsWith('-'));
  const linked = readFileSync(file);
  markWritable(linked);
  writeFileSync(file, linked);
  // What is small before it is made ready to be left stays small: a sixth of the module. But where TinyGo itself leaves and
  // enters goroutines, nothing may become one function with the code around it, which would then run twice.
  args.splice(args.indexOf('--asyncify'), 0, '--no-inline=tinygo_*', '-Oz');
  args.push('--pass-arg=asyncify-ignore-imports', `--pass-arg=asyncify-removelist@${NEVER_WAIT.join()}`);
}
const { status, error } = spawnSync(process.execPath, [wasmOpt, ...args], { stdio: 'inherit' });
if (error) throw error;
process.exitCode = status ?? 1;
