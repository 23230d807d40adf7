// Installs packages for other processors (`foreign.mjs CPU COMMAND…`), then fails with the names of those that would
// have had to run a script to work there.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const [cpu, program, ...args] = process.argv.slice(2);
const { status } = spawnSync(program, args, { stdio: 'inherit' });
if (status !== 0) {
  process.exit(status ?? 1);
}

// Scripts that print, or check what the manager has chosen already.
const HARMLESS = new Set(['@nestjs/core', '@parcel/watcher', '@swc/core', 'core-js', 'core-js-pure', 'es5-ext', 'esbuild', 'protobufjs', 'sharp', 'unrs-resolver']);

function* packages(folder) {
  for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith('.') || !entry.isDirectory()) continue;
    if (entry.name.startsWith('@')) {
      yield* packages(path);
    } else {
      yield path;
      yield* packages(join(path, 'node_modules'));
    }
  }
}

function about(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return {};
  }
}

function hasBuild(folder) {
  const builds = join(folder, 'prebuilds');
  return existsSync(builds) && readdirSync(builds).some((name) => name.startsWith('linux') && name.includes(cpu));
}

function needsScript(folder) {
  const { name, scripts = {} } = about(folder);
  const compiles = existsSync(join(folder, 'binding.gyp'));
  const installs = ['preinstall', 'install', 'postinstall'].some((script) => script in scripts);
  return (compiles || installs) && !HARMLESS.has(name) && !hasBuild(folder) ? name : undefined;
}

const names = new Set([...packages('node_modules')].map(needsScript).filter(Boolean));
if (names.size > 0) {
  console.error(
    `error: ${[...names].sort().join(', ')}: installing compiles or downloads something for linux-${cpu}, which only such a machine can do.\n` +
      `hint: build the image there, or depend on a package that brings builds for linux-${cpu}`,
  );
  process.exit(1);
}
