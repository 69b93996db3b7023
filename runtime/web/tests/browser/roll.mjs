/** The roll as it looks, held to pictures of it: tests/browser/roll-*.png. */
import { readFileSync, writeFileSync } from "node:fs";

const MOST = 0.002; // of the pixels: edges may look a little different on another machine
const picture = (name) => new URL(`roll-${name}.png`, import.meta.url);

/** Runs in the page before its scripts: nothing is written, for machines have other fonts. */
export function withoutWriting() {
  CanvasRenderingContext2D.prototype.fillText = () => {};
}

/** Go to a second of a finished song, and wait until nothing moves. */
export async function showSecond(visit, second) {
  await visit.page.locator(".seek input:enabled").waitFor();
  await visit.page.evaluate(async (to) => {
    const { shadowRoot } = document.querySelector("ugen-song");
    const seek = shadowRoot.querySelector(".seek input");
    const canvas = shadowRoot.querySelector("canvas");
    seek.value = String(to);
    seek.dispatchEvent(new Event("input"));
    for (let [last, same] = ["", 0]; same < 3; ) {
      await new Promise((resume) => setTimeout(resume, 100));
      const now = canvas.toDataURL();
      same = now === last ? same + 1 : 0;
      last = now;
    }
  }, second);
}

/** Make the roll as it is now the picture. */
export async function writePicture(visit, name) {
  const url = await visit.page.locator("canvas").evaluate((canvas) => canvas.toDataURL());
  writeFileSync(picture(name), Buffer.from(url.split(",")[1], "base64"));
}

/** The fraction of the roll's pixels that differ from a picture. */
export async function differing(visit, name) {
  const base64 = readFileSync(picture(name)).toString("base64");
  return visit.page.locator("canvas").evaluate(async (canvas, source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const { width, height } = canvas;
    if (image.width !== width || image.height !== height) return 1;
    const own = new OffscreenCanvas(width, height).getContext("2d");
    own.drawImage(image, 0, 0);
    const wanted = own.getImageData(0, 0, width, height).data;
    const found = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    let count = 0;
    for (let at = 0; at < found.length; at += 4) {
      const gaps = [0, 1, 2].map((n) => Math.abs(found[at + n] - wanted[at + n]));
      if (Math.max(...gaps) > 24) count += 1;
    }
    return count / (width * height);
  }, `data:image/png;base64,${base64}`);
}

export const isLike = (fraction) => fraction <= MOST;
