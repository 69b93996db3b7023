/** What the checks in a browser share: a server of files, a browser, and a player on a page. */
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { chromium } from "playwright-core";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};
export const PATIENCE = 90_000; // milliseconds, for machines with much else to do

/** Serve a folder on this machine alone. Gives its address, with `/` at its end. */
export async function serve(folder) {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type, "content-length": statSync(file).size });
    return createReadStream(file).pipe(response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export async function launch() {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
  });
}

/** A page with a player. What it requests and complains of is noted. */
export class Visit {
  constructor(page) {
    this.page = page;
    this.complaints = [];
    this.requests = [];
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** `prepare`: gets the page before it is opened. */
  static async of(browser, url, options = {}, prepare = async () => {}) {
    const context = await browser.newContext({ acceptDownloads: true, ...options });
    const visit = new Visit(await context.newPage());
    await prepare(visit.page);
    await visit.page.goto(url);
    return visit;
  }

  async close() {
    await this.page.context().close();
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** Wait until the model is there. */
  async ready() {
    await this.page.locator("details.settings").waitFor();
    return this;
  }

  async set(choices) {
    const details = this.page.locator("details.settings");
    if (!(await details.evaluate((each) => each.open))) await details.locator("summary").click();
    for (const [name, value] of Object.entries(choices)) {
      const field = details.locator(`[name=${name}]`);
      const isList = (await field.evaluate((each) => each.tagName)) === "SELECT";
      await (isList ? field.selectOption(value) : field.fill(value));
    }
  }

  /** Wait until the song is heard, at a second or later. */
  async heard(second = 1) {
    await this.page.waitForFunction((least) => {
      const player = document.querySelector("ugen-player, ugen-song");
      return Number(player.shadowRoot.querySelector(".seek input").value) >= least;
    }, second);
  }

  async status() {
    return this.page.locator("[role=status]").innerText();
  }

  /** The file that a button saves. */
  async saved(name) {
    const waiting = this.page.waitForEvent("download");
    await this.button(name).click();
    return readFileSync(await (await waiting).path());
  }

  /** How many pixels of the roll have a colour of notes: neither its ground nor its lines. */
  async drawn() {
    return this.page.locator("canvas").evaluate((canvas) => {
      const { width, height } = canvas;
      const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        const rgb = data.subarray(at, at + 3);
        if (Math.max(...rgb) - Math.min(...rgb) > 24) count += 1;
      }
      return count / (width * height);
    });
  }
}
