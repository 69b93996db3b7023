/** Starts the page's workers. */
import { assetUrl } from "../assets";
import type { Role } from "./messages";

export async function startWorker(role: Role["role"]): Promise<Worker> {
  const worker = new Worker(await assetUrl("worker.js"));
  worker.postMessage({ role } satisfies Role);
  return worker;
}
