// Chooses the packages that a bundle cannot hold, and puts them into the image's layer with all that they depend on.
//
// `external.mjs JSON`: `imports`, what the application imports; `external`, what its author names; `modules`, the
// folders that packages are in. A package cannot be bundled when what is reached of it is a native module, or finds
// files or other modules by computing their paths. What it depends on stays out of the bundle as well: there would be
// two of it otherwise.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, lutimesSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

const { imports, external, modules } = JSON.parse(process.argv[2]);
const LIST = join(modules[0], '.external');
const METAFILE = '/tmp/metafile.json';

// A computed path begins with where the file itself is, or is given to a worker or to `require`.
const COMPUTES = /\b__(?:dirname|filename)\b|\bimport\.meta\b|\brequire\.resolve\s*\(|\bnew Worker\s*\(|\brequire\s*\(\s*[A-Za-z_$]/;
// Their computed paths lead to optional parts, which work when they are named as external.
const HARMLESS = new Set(['express']);

// Follows the imports to every file that a bundle would hold.
function reached() {
  const lines = imports.flatMap((name) => {
    const quoted = JSON.stringify(name);
    return [`try { require(${quoted}) } catch {}`, `import(${quoted}).catch(() => {});`];
  });
  const words = ['--bundle', '--platform=node', '--format=esm', '--log-level=silent', '--outfile=/tmp/out.js'];
  const loaders = ['.node', '.wasm', '.html', '.css', '.svg', '.png'].map((suffix) => `--loader:${suffix}=empty`);
  const { status } = spawnSync('esbuild', [...words, ...loaders, `--metafile=${METAFILE}`], { input: lines.join('\n') });
  return status === 0 ? Object.keys(JSON.parse(readFileSync(METAFILE, 'utf8')).inputs) : undefined;
}

// `…/node_modules/@scope/name/lib/a.js` → `…/node_modules/@scope/name`
function folderOf(file) {
  return file.match(/^.*\bnode_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/)?.[0];
}

function about(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    return {};
  }
}

function computes(file) {
  const text = readFileSync(file, 'utf8');
  return COMPUTES.test(text.replace(/\/\*[^]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, ''));
}

function staysOut(file) {
  const folder = folderOf(file);
  if (!folder || !existsSync(file)) return undefined;
  const { name } = about(folder);
  const isNative = file.endsWith('.node') || existsSync(join(folder, 'binding.gyp')) || existsSync(join(folder, 'prebuilds'));
  return isNative || (!HARMLESS.has(name) && computes(file)) ? folder : undefined;
}

// Finds a package as Node does: from the folder that asks for it upwards.
function find(name, from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const path = join(folder, 'node_modules', name);
    if (existsSync(path)) return path;
    if (folder === dirname(folder)) return undefined;
  }
}

function closure(roots) {
  const found = new Set();
  const waiting = [...roots];
  for (let folder = waiting.pop(); folder; folder = waiting.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const { dependencies, optionalDependencies, peerDependencies } = about(folder);
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const path = find(name, realpathSync(folder));
      if (path) waiting.push(path);
    }
  }
  return [...found].sort();
}

// Overlayfs copies a file to the layer when its times are set.
function keep(path) {
  const { atime, mtime } = lstatSync(path);
  lutimesSync(path, atime, mtime);
  if (!lstatSync(path).isDirectory()) return;
  for (const entry of readdirSync(path)) {
    keep(join(path, entry));
  }
}

function nameOf(folder) {
  return folder.split(`${sep}node_modules${sep}`).pop();
}

const named = external.map((name) => find(name, process.cwd())).filter(Boolean);
const files = reached() ?? [];
const computing = files.map(staysOut).filter(Boolean).map((folder) => join(process.cwd(), folder));
const folders = closure([...named, ...computing]);
folders.forEach(keep);
const names = new Set([...external, ...folders.map(nameOf)]);
writeFileSync(LIST, [...names].sort().map((name) => `--external:${name}\n`).join(''));
if (folders.length > 0) {
  console.log(`not in the bundle: ${folders.map(nameOf).join(', ')}`);
}
