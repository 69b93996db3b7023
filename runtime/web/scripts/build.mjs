/**
 * Builds what a browser runs: python/ugen_web/page/, which export-ugen fills, and npm/, the package
 * `ugen-web`.
 *
 * page/ has site/, a page as static files; single.html and song.html, pages as one file; sounds/, a
 * SoundFont for each instrument. All scripts are classic ones: `file://` refuses modules.
 *
 *   node scripts/build.mjs [PAGE NPM]
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

import { licences } from "./licences.mjs";
import { trimSounds } from "../src/sound/trim.mjs";
import { serviceWorker } from "./service_worker.mjs";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const [PAGE = join(ROOT, "python/ugen_web/page"), NPM = join(ROOT, "npm")] = process.argv.slice(2);
const SITE = join(PAGE, "site");
const BUILT = join(PAGE, "scripts"); // until they stand where they are needed
const ORT = "node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";
const SOUNDS = join(PAGE, "sounds"); // a SoundFont for each instrument
// of a page that knows no model: one instrument of each of General MIDI's families, and drums
const FAMILIES = "src/sound/families.json";
const PLAIN = "src/core/inference/plain.json"; // the models that need no onnxruntime
const STYLES = "<!-- ugen:styles -->"; // where a template has its head filled
const SCRIPTS = "<!-- ugen:scripts -->"; // and the end of its body

const shipped = new Set(["onnxruntime-web"]); // packages, the wasm's first
const path = (name) => join(ROOT, name);
const text = (name) => readFileSync(path(name), "utf-8");

/** Notes the packages that a bundle holds. */
const noted = {
  name: "noted",
  generateBundle(_options, files) {
    const modules = Object.values(files).flatMap((file) => Object.keys(file.modules ?? {}));
    for (const module of modules) {
      const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(module)?.[1];
      if (name) shipped.add(name);
    }
  },
};

/**
 * onnxruntime's module names its wasm relative to itself, and a bundler would put all 14 MB into the
 * script. It is given the bytes instead, and fetches nothing.
 */
const withoutWasm = {
  name: "without-wasm",
  enforce: "pre",
  transform(code, id) {
    if (!id.includes("/onnxruntime-web/")) return null;
    return { code: code.replaceAll("import.meta.url", '"http://localhost/"'), map: null };
  },
};

/** One file from a script and all that it imports. */
async function bundle(entry, folder, file, format, external = []) {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    plugins: [noted, withoutWasm],
    build: {
      outDir: folder,
      emptyOutDir: false,
      target: "es2022",
      minify: true,
      copyPublicDir: false,
      lib: { entry: path(entry), name: "ugen", formats: [format], fileName: () => file },
      rollupOptions: { external },
    },
  });
}

/** A page as one file, but for its assets: `<!-- ugen:assets -->` is where export-ugen puts them. */
function single(template, script) {
  const code = readFileSync(join(BUILT, script), "utf-8").replaceAll("</script", "<\\/script");
  const style = text("src/page/style.css");
  const policy = contentPolicy(hashOf(code), hashOf(style));
  const icon = `data:image/svg+xml;base64,${readFileSync(path("src/site/icon.svg")).toString("base64")}`;
  const head = [policy, `<link rel="icon" href="${icon}">`, `<style>${style}</style>`];
  return filled(template, head, [`<!-- ugen:assets -->`, `<script>${code}</script>`]);
}

/** A page as one of a site's files. */
function linked(template, script) {
  const head = [
    contentPolicy("'self'", "'self'"),
    `<meta name="ugen-assets" content="">`,
    `<link rel="manifest" href="manifest.webmanifest">`,
    `<link rel="icon" href="icon.svg">`,
    `<link rel="stylesheet" href="style.css">`,
  ];
  return filled(template, head, [script, "offline.js"].map((name) => `<script src="${name}"></script>`));
}

function filled(template, head, scripts) {
  for (const mark of [STYLES, SCRIPTS]) {
    if (!template.includes(mark)) throw new Error(`a template without ${mark}`);
  }
  return template
    .replace(STYLES, () => head.join("\n"))
    .replace(SCRIPTS, () => scripts.join("\n"));
}

/** What a page may load: its own parts, and nothing from anywhere else. */
function contentPolicy(scripts, styles) {
  const policy = [
    "default-src 'none'",
    `script-src ${scripts} blob: 'wasm-unsafe-eval'`,
    "worker-src 'self' blob:",
    `style-src ${styles}`,
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "connect-src 'self' blob: data:",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return `<meta http-equiv="Content-Security-Policy" content="${policy.join("; ")}">`;
}

function hashOf(code) {
  return `'sha256-${createHash("sha256").update(code).digest("base64")}'`;
}

async function buildScripts() {
  for (const name of ["page/main", "page/song", "page/worker", "offline"]) {
    await bundle(`src/${name}.ts`, BUILT, `${basename(name)}.js`, "iife");
  }
}

function buildSite() {
  const scripts = ["main.js", "worker.js", "offline.js"];
  mkdirSync(SITE, { recursive: true });
  for (const name of scripts) cpSync(join(BUILT, name), join(SITE, name));
  writeFileSync(join(SITE, "index.html"), linked(text("src/page/index.html"), "main.js"));
  cpSync(path("src/page/style.css"), join(SITE, "style.css"));
  cpSync(path("src/site"), SITE, { recursive: true });
  writeFileSync(join(SITE, "ort.wasm.gz"), gzipSync(readFileSync(path(ORT)), { level: 9 }));
  writeFileSync(join(SITE, "licences.txt"), licences(ROOT, shipped, SOUNDS));
  const banks = JSON.parse(text(FAMILIES)).map((number) => `${String(number).padStart(3, "0")}.sf3`);
  const parts = banks.map((name) => readFileSync(join(SOUNDS, name)));
  writeFileSync(join(SITE, "sounds.sf3"), Buffer.concat(parts));
  writeFileSync(join(SITE, "sw.js"), serviceWorker(SITE));
}

/** Both pages as single files, but for their assets. */
function buildTemplates() {
  writeFileSync(join(PAGE, "single.html"), single(text("src/page/index.html"), "main.js"));
  writeFileSync(join(PAGE, "song.html"), single(text("src/page/song.html"), "song.js"));
}

/** `ugen-web` as npm hands it out: the core as a module, its types, and the custom element. */
async function buildPackage() {
  rmSync(NPM, { recursive: true, force: true });
  cpSync(SITE, join(NPM, "site"), { recursive: true });
  await bundle("src/core/index.ts", NPM, "ugen.js", "es", [/^onnxruntime-web/]);
  const compiler = path("node_modules/typescript/bin/tsc");
  const options = { cwd: ROOT, stdio: "inherit" };
  const types = ["-p", "tsconfig.npm.json", "--outDir", join(NPM, "types")];
  execFileSync(process.execPath, [compiler, ...types], options);
}

rmSync(PAGE, { recursive: true, force: true });
await buildScripts();
trimSounds(SOUNDS);
cpSync(path(FAMILIES), join(SOUNDS, "families.json"));
cpSync(path(PLAIN), join(PAGE, "plain.json"));
buildSite();
buildTemplates();
await buildPackage();
rmSync(BUILT, { recursive: true });
