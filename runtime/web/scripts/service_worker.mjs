/** A site's service worker: the page works offline once all of it was loaded. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

// export-ugen reads the first line, and adds the model to it
const SCRIPT = `
const CACHE = "ugen " + self.registration.scope + " ";
const NAME = CACHE + Object.values(FILES).join("");
const fetchAnew = (file) => new Request(file, { cache: "no-cache" });

self.addEventListener("install", (event) => {
  const files = Object.keys(FILES).map(fetchAnew);
  event.waitUntil(
    caches.open(NAME).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const isOld = (name) => name.startsWith(CACHE) && name !== NAME;
  const remove = (names) => Promise.all(names.filter(isOld).map((name) => caches.delete(name)));
  event.waitUntil(caches.keys().then(remove).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  url.search = "";
  if (url.pathname.endsWith("/")) url.pathname += "index.html";
  const kept = caches.open(NAME).then((cache) => cache.match(url.href));
  event.respondWith(kept.then((answer) => answer ?? fetch(event.request)));
});
`;

/** The text of sw.js for the files of a folder. */
export function serviceWorker(folder) {
  const digest = (name) =>
    createHash("sha256").update(readFileSync(join(folder, name))).digest("hex").slice(0, 8);
  const files = readdirSync(folder).filter((name) => name !== "sw.js").sort();
  const table = Object.fromEntries(files.map((name) => [name, digest(name)]));
  return `const FILES = ${JSON.stringify(table)};${SCRIPT}`;
}
