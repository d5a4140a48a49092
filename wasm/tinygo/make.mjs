#!/usr/bin/env node
// The TinyGo that kaiwire's small modules are built with; see README.md. `node wasm/tinygo/make.mjs` makes it ready, and
// builds it where none is installed.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, '../..');
const overlay = join(here, 'overlay');
const cache = join(repository, 'web/.cache/tinygo');

/** What is built where none is installed. */
const MODULE = 'github.com/tinygo-org/tinygo';
const VERSION = 'v0.41.0';
const built = join(cache, VERSION, 'tinygo');
/** What may be installed: from 0.41 on TinyGo knows Go 1.26. */
const OLDEST = [0, 41];
const DAY = 24 * 60 * 60 * 1000;
/** Debian's names, of LLVM 19: what TinyGo is built against, and what it then runs. */
const PACKAGES = ['llvm-19-dev', 'libclang-19-dev', 'clang-19', 'lld-19'];

/** Packages of which TinyGo gets a part, and which part; what these need comes along. */
const MODULES = {
  net: ['Addr', 'AddrError', 'Buffers', 'Conn', 'DNSError', 'ErrClosed', 'ErrWriteToConnected', 'Error', 'IPNet', 'IPv4zero',
    'IPv6zero', 'InvalidAddrError', 'JoinHostPort', 'Listener', 'OpError', 'PacketConn', 'ParseCIDR', 'ParseError', 'ParseIP',
    'Pipe', 'SplitHostPort', 'TCPAddr', 'TCPAddrFromAddrPort', 'UDPAddr', 'UDPAddrFromAddrPort', 'UnknownNetworkError'],
  // Without its maps of all tables by name: TinyGo can't fill them while it compiles once syscall/js is in the program,
  // and so links all tables, 70 KB, and the code that fills them at every start.
  unicode: ['In', 'Is', 'IsControl', 'IsDigit', 'IsGraphic', 'IsLetter', 'IsLower', 'IsMark', 'IsNumber', 'IsOneOf', 'IsPrint',
    'IsPunct', 'IsSpace', 'IsSymbol', 'IsTitle', 'IsUpper', 'MaxASCII', 'MaxLatin1', 'MaxRune', 'ReplacementChar', 'SimpleFold',
    'SpecialCase', 'To', 'ToLower', 'ToTitle', 'ToUpper', 'UpperCase', 'UpperLower', 'Version'],
};

/** What Go's tests need besides: package regexp, and golang.org/x/net/nettest. */
const TESTS = {
  net: [...MODULES.net, 'FlagUp', 'IPAddr', 'Interface', 'Interfaces'],
};

/** Lines of TinyGo's sources that are others here, each of which has to be there exactly once: [file, lines, ours]. */
const PATCHES = [
  // The stack of a goroutine that has ended is for the next one, and of one that waits the collector looks through what
  // is in use. See overlay/internal/task.
  ['internal/task/task_asyncify.go', '\tlaunched bool\n', '\tlaunched bool\n\n\tended     bool\n\tstackSize uintptr\n'],
  ['internal/task/task_asyncify.go', '\tstack := runtime_alloc(stackSize, nil)\n', '\tstack, start := s.makeStack(stackSize)\n'],
  ['internal/task/task_asyncify.go', '\ts.asyncifysp = unsafe.Add(stack, unsafe.Sizeof(uintptr(0)))\n', '\ts.asyncifysp = start\n'],
  ['internal/task/task_asyncify.go', '\tt.gcData.swap()\n\tcurrentTask = t\n', '\tprevTask.leave()\n\tt.gcData.swap()\n\tcurrentTask = t\n'],
  ['internal/task/task_asyncify.go', '\t\truntimePanic("stack overflow")\n\t}\n}\n\n//go:linkname saveStackPointer',
    '\t\truntimePanic("stack overflow")\n\t}\n\tif t.state.ended {\n\t\tgiveStack(&t.state)\n\t}\n}\n\n//go:linkname saveStackPointer'],
  ['runtime/scheduler_cooperative.go', '\t// call yield without requesting a wakeup\n\ttask.Pause()\n', '\ttask.End()\n'],
  ['runtime/gc_precise.go', '\tcase layout&1 != 0:\n',
    '\tcase layout.isStack():\n\t\ttask.MarkStack(start)\n\n\tcase layout.isBuckets():\n\t\tlayout.scanBuckets(start, len)\n\n\tcase layout&1 != 0:\n'],
  ['runtime/gc_precise.go', 'import "unsafe"\n', 'import (\n\t"internal/task"\n\t"unsafe"\n)\n'],
  ['runtime/gc_stack_portable.go', 'func gcMarkReachable() {\n', 'func gcMarkReachable() {\n\ttask.TrimStacks()\n'],
  // A panic's text is an error's or a string. By any value's String, each type's is linked: time's, package context's.
  ['runtime/print.go', '\tcase stringer:\n\t\tprintstring(msg.String())\n', ''],
  // The hashes in a map are no addresses. See overlay/runtime/layouts.go.
  ['runtime/hashmap.go', '\tbuckets := alloc(bucketBufSize*(1<<bucketBits), nil)\n', '\tbuckets := allocBuckets(bucketBufSize, 1<<bucketBits)\n'],
  ['runtime/hashmap.go', '\tbucketBuf := alloc(bucketBufSize, nil)\n', '\tbucketBuf := allocBuckets(bucketBufSize, 1)\n'],
  ['runtime/hashmap.go', '\tn.buckets = alloc(bucketBufSize*numBuckets, nil)\n', '\tn.buckets = allocBuckets(bucketBufSize, numBuckets)\n'],
  // Memory grows by a quarter. See overlay/runtime/growth.go.
  ['runtime/arch_tinygowasm.go', 'wasm_memory_grow(wasmMemoryIndex, memorySize)', 'wasm_memory_grow(wasmMemoryIndex, growth(memorySize))'],
  // Constants are no place to look for pointers in. See overlay/runtime/globals.go.
  ['runtime/gc_globals.go', '\tfound(globalsStart, globalsEnd)\n', '\tfound(globalRoots(), globalsEnd)\n'],
];

/**
 * Libraries with something that TinyGo does not compile, of which it gets a copy with ours in its place: the module,
 * its folder in the overlay, and [file, what, ours, how often it is there].
 */
const LIBRARIES = [
  ['github.com/emersion/go-imap/v2', 'go-imap', [['acl.go', /\bstring\((r|rights|rs1|rs2)\)/g, 'rightsText($1)', 5]]],
];

/** How modules are compiled; -target names overlay/kaiwire.json. The texts of panics stay in them: they are what an app is told. */
const FLAGS = ['-target=kaiwire', '-opt=z', '-no-debug', '-panic=print', '-interp-timeout=30m'];

export const HOW = 'The small modules are built with TinyGo 0.41 or later; `make tinygo` builds it, on Debian with ' +
  `${PACKAGES.join(', ')}.`;

function output(command, args, options) {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options }).trim();
}

const goEnvironment = { ...process.env, GOFLAGS: '', GOOS: '', GOARCH: '' };
const go = (args, options) => output('go', args, { cwd: repository, env: goEnvironment, ...options });

/** The compiler that is installed, or that has been built here before: {command, root}, or null. */
function findCompiler() {
  for (const command of [process.env.TINYGO || 'tinygo', built]) {
    let version;
    try {
      version = output(command, ['version'], { stdio: ['ignore', 'pipe', 'ignore'], env: compilerEnvironment(command) });
    } catch {
      continue;
    }
    const [, major, minor] = version.match(/version (\d+)\.(\d+)/) || [];
    if (!(major * 1000 + Number(minor) >= OLDEST[0] * 1000 + OLDEST[1])) {
      console.error(`${command} is too old: ${version}`);
      continue;
    }
    return { command, version, root: output(command, ['env', 'TINYGOROOT'], { env: compilerEnvironment(command) }) };
  }
  return null;
}

/** The one that was built here knows no sources of its own. */
function compilerEnvironment(command) {
  return command.startsWith(cache) ? { ...process.env, TINYGOROOT: moduleFolder() } : process.env;
}

function moduleFolder() {
  return JSON.parse(go(['mod', 'download', '-json', `${MODULE}@${VERSION}`])).Dir;
}

function buildCompiler() {
  const absent = ['/usr/lib/llvm-19/include/llvm-c/Core.h', '/usr/lib/llvm-19/include/clang-c/Index.h',
    '/usr/bin/clang-19', '/usr/bin/wasm-ld-19'].filter((file) => !existsSync(file));
  if (absent.length > 0) {
    throw new Error(`TinyGo is not installed, and building it lacks ${absent.join(', ')}: apt-get install ${PACKAGES.join(' ')}`);
  }
  console.log(`building TinyGo ${VERSION}`);
  // Within the module's folder, as `go install` asks for the list of its versions, which not every proxy has.
  go(['build', '-tags=llvm19', '-o', built, '.'], { cwd: moduleFolder() });
}

/** A hash of the texts and of every file in the overlay. */
function fingerprint(...texts) {
  const hash = createHash('sha256').update(texts.join('\0'));
  for (const entry of readdirSync(overlay, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) hash.update(entry.name).update(readFileSync(join(entry.parentPath, entry.name)));
  }
  return hash.update(readFileSync(fileURLToPath(import.meta.url))).update(readFileSync(join(here, 'slice/main.go'))).digest('hex');
}

/** A hash of all that a package can be compiled from, more or less: of what it imports itself, the rest follows. */
function sourcesOf(pattern) {
  const hash = createHash('sha256');
  for (const folder of ['bridge', 'protocols', 'wasm', pattern]) {
    for (const entry of readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      // What is kept serves each checkout.
      if (entry.isFile() && /(?<!_test)\.go$/.test(entry.name)) hash.update(relative(repository, file)).update(readFileSync(file));
    }
  }
  for (const file of ['go.mod', 'go.sum', 'web/package-lock.json']) hash.update(readFileSync(join(repository, file)));
  for (const file of ['wasm-opt.mjs', 'globals.mjs', '../binary.mjs']) hash.update(readFileSync(join(here, file)));
  return hash.digest('hex');
}

/** TinyGo's own files, with ours in the place of some: what TINYGOROOT is to name. */
function makeRoot({ root, version }, kind, slices) {
  const goVersion = go(['env', 'GOVERSION']);
  const made = join(cache, `${kind}-${fingerprint(root, version, goVersion).slice(0, 16)}`);
  if (existsSync(made)) return made;
  const making = made + '.new';
  rmSync(making, { recursive: true, force: true });
  mkdirSync(join(making, 'targets'), { recursive: true });
  for (const name of readdirSync(root)) {
    if (name !== 'src' && name !== 'targets') symlinkSync(join(root, name), join(making, name));
  }
  const src = join(making, 'src');
  // Copied and not linked, as below: TinyGo takes a linked folder for a file.
  cpSync(join(root, 'src'), src, { recursive: true, mode: 0 });
  makeWritable(src);
  rmSync(join(src, 'net'), { recursive: true, force: true });
  for (const [name, roots] of Object.entries(slices)) {
    mkdirSync(join(src, name), { recursive: true });
    const ours = existsSync(join(overlay, name)) ? ['-overlay', join(overlay, name)] : [];
    go(['run', './wasm/tinygo/slice', '-package', name, ...ours, '-o', join(src, name), ...roots]);
  }
  // TinyGo's own is a stub.
  rmSync(join(src, 'crypto/tls'), { recursive: true, force: true });
  cpSync(join(go(['env', 'GOROOT']), 'src/crypto/tls'), join(src, 'crypto/tls'),
    { recursive: true, filter: (name) => !/\/testdata$|_test\.go$/.test(name) });
  for (const [file, lines, ours] of PATCHES) {
    const parts = readFileSync(join(src, file), 'utf8').split(lines);
    if (parts.length !== 2) throw new Error(`TinyGo's ${file} is not as it was: ${JSON.stringify(lines)} is there ${parts.length - 1} times`);
    writeFileSync(join(src, file), parts.join(ours));
  }
  for (const name of ['sync', 'runtime', 'internal/task']) {
    for (const file of readdirSync(join(overlay, name))) {
      cpSync(join(overlay, name, file), join(src, name, 'kaiwire_' + file));
    }
  }
  cpSync(join(root, 'targets/wasm_exec.js'), join(making, 'targets/wasm_exec.js'));
  cpSync(join(root, 'targets/wasm-undefined.txt'), join(making, 'targets/wasm-undefined.txt'));
  for (const file of ['kaiwire.json', 'libc.c']) cpSync(join(overlay, file), join(making, 'targets', file));
  // Those that came before; one of today may be in use by another build.
  for (const name of readdirSync(cache)) {
    const old = join(cache, name);
    if (name.startsWith(kind + '-') && Date.now() - statSync(old).mtimeMs > DAY) rmSync(old, { recursive: true, force: true });
  }
  renameSync(making, made);
  return made;
}

/** The libraries' copies, in a folder of their own, with the go.mod that names them: the option -modfile of Go's commands. */
function makeLibraries() {
  const versions = LIBRARIES.map(([path]) => JSON.parse(go(['list', '-m', '-json', path])));
  const own = ['go.mod', 'go.sum'].map((name) => readFileSync(join(repository, name)));
  const made = join(cache, `libraries-${fingerprint(...own, ...versions.map(({ Version }) => Version)).slice(0, 16)}`);
  const file = join(made, 'go.mod');
  if (existsSync(made)) return file;
  const making = `${made}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  own.forEach((text, i) => writeFileSync(join(making, ['go.mod', 'go.sum'][i]), text));
  LIBRARIES.forEach(([path, name, changes], i) => {
    const folder = join(making, name);
    cpSync(versions[i].Dir, folder, { recursive: true });
    makeWritable(folder);
    for (const [name, what, ours, times] of changes) {
      const text = readFileSync(join(folder, name), 'utf8');
      const found = text.match(what) || [];
      if (found.length !== times) throw new Error(`${path} has ${found.length} times in ${name} what it had ${times} times: ${what}`);
      writeFileSync(join(folder, name), text.replace(what, ours));
    }
    for (const ours of readdirSync(join(overlay, name))) cpSync(join(overlay, name, ours), join(folder, 'kaiwire_' + ours));
    go(['mod', 'edit', `-replace=${path}=${join(made, name)}`, join(making, 'go.mod')]);
  });
  for (const name of readdirSync(cache)) {
    const old = join(cache, name);
    if (/^libraries-\w+$/.test(name) && Date.now() - statSync(old).mtimeMs > DAY) rmSync(old, { recursive: true, force: true });
  }
  try {
    renameSync(making, made);
  } catch (error) {
    if (!existsSync(made)) throw error;
    rmSync(making, { recursive: true }); // another build was faster
  }
  return file;
}

/** Go's module cache is read-only, and so are copies of it. */
function makeWritable(folder) {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
  }
}

/**
 * TinyGo, or null where there is none: {command, version, flags, wasmExec, licence, build(pattern, file, tags),
 * buildTests(pattern, file, tags)}; wasmExec and licence are files.
 */
export function tinygo() {
  const compiler = findCompiler();
  if (!compiler) return null;
  const root = makeRoot(compiler, 'modules', MODULES);
  const run = (words, root) => output(compiler.command, words, {
    cwd: repository,
    env: {
      ...goEnvironment,
      GOFLAGS: `-modfile=${makeLibraries()}`,
      TINYGOROOT: root,
      WASMOPT: join(here, 'wasm-opt.mjs'),
      // TinyGo's own; Go's stays where it is.
      XDG_CACHE_HOME: join(cache, 'compiled'),
      GOCACHE: go(['env', 'GOCACHE']),
    },
  });
  return {
    ...compiler,
    flags: FLAGS,
    wasmExec: join(root, 'targets/wasm_exec.js'),
    licence: join(root, 'LICENSE'),
    /**
     * A package to a WebAssembly file. TinyGo takes a minute for that, and with crypto/tls three and more, most of it for
     * tables that it fills while it compiles: what has come of the same sources is kept.
     */
    build(pattern, file, tags = '') {
      const words = ['build', ...FLAGS, '-tags=' + tags];
      const key = createHash('sha256').update([...words, pattern, basename(root), sourcesOf(pattern)].join('\0')).digest('hex');
      const kept = join(cache, 'built', key + '.wasm');
      if (!existsSync(kept)) {
        mkdirSync(dirname(kept), { recursive: true });
        run([...words, '-o', `${kept}.${process.pid}.wasm`, pattern], root);
        renameSync(`${kept}.${process.pid}.wasm`, kept);
      }
      cpSync(kept, file);
    },
    /** A package's tests to a WebAssembly file. */
    buildTests(pattern, file, tags = '') {
      run(['test', '-c', '-target=kaiwire', '-opt=z', '-tags=' + tags, '-o', file, pattern], makeRoot(compiler, 'tests', TESTS));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!findCompiler()) buildCompiler();
  const { command, version } = tinygo();
  console.log(`${command}: ${version}`);
}
