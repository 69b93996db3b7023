/** Firefox as it comes, driven by WebDriver BiDi (w3.org/TR/webdriver-bidi): no more than is needed. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PREFERENCES = {
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "app.update.disabledForTesting": true,
};

/** A page of a Firefox of its own, without a window. */
export class Firefox {
  #socket;
  #waiting = new Map();
  #context = "";
  #end;

  static async launch(program) {
    const profile = mkdtempSync(join(tmpdir(), "ugen-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${value});`);
    writeFileSync(join(profile, "user.js"), lines.join("\n"));
    const words = ["--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0"];
    const browser = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"] });
    const address = await new Promise((resolve, reject) => {
      let said = "";
      browser.on("exit", () => reject(new Error(`${program} ended: ${said.slice(-500)}`)));
      browser.stderr.on("data", (bytes) => {
        const found = /BiDi listening on (ws:\S+)/.exec((said += bytes));
        if (found) resolve(found[1]);
      });
    });
    const firefox = new Firefox();
    firefox.#end = async () => {
      const ended = new Promise((resolve) => browser.on("exit", resolve));
      browser.kill();
      await ended;
      rmSync(profile, { recursive: true, force: true });
    };
    await firefox.#connect(`${address}/session`);
    return firefox;
  }

  async open(url) {
    await this.#send("browsingContext.navigate", { context: this.#context, url, wait: "complete" });
  }

  /** What a function gives in the page; its arguments and value are data. */
  async run(code, ...given) {
    const expression = `(async () => JSON.stringify(await (${code})(...${JSON.stringify(given)})))()`;
    const target = { context: this.#context };
    const { result, exceptionDetails } = await this.#send("script.evaluate", {
      expression,
      target,
      awaitPromise: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  async close() {
    this.#socket.close();
    await this.#end();
  }

  async #connect(address) {
    this.#socket = new WebSocket(address);
    await new Promise((resolve, reject) => {
      this.#socket.onopen = resolve;
      this.#socket.onerror = () => reject(new Error(`no answer from ${address}`));
    });
    this.#socket.onmessage = ({ data }) => {
      const { id, type, result, error, message } = JSON.parse(data);
      const waiting = this.#waiting.get(id);
      if (type === "success") waiting?.resolve(result);
      else waiting?.reject(new Error(`${error}: ${message}`));
    };
    await this.#send("session.new", { capabilities: {} });
    const { contexts } = await this.#send("browsingContext.getTree", {});
    this.#context = contexts[0].context;
  }

  #send(method, params) {
    const id = this.#waiting.size + 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }
}
