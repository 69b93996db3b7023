/** What a page takes while music goes on: memory, and the main thread's time. */

/** Runs in the page before its scripts: a sound card whose clock is `speed` times as fast. */
export function fastAudio(speed) {
  const param = () => ({ value: 1, setTargetAtTime() {} });
  class Source {
    connect() {}
    start(when) {
      const wait = (1000 * (when + this.buffer.duration - this.context.currentTime)) / speed;
      this.timer = setTimeout(() => this.onended?.(), wait);
    }
    stop() {
      clearTimeout(this.timer);
    }
  }
  globalThis.AudioContext = class {
    begun = performance.now();
    sampleRate = 44_100;
    outputLatency = 0;
    state = "running";
    destination = {};
    get currentTime() {
      return (speed * (performance.now() - this.begun)) / 1000;
    }
    resume = async () => {};
    close = async () => {};
    createGain = () => ({ gain: param(), connect() {} });
    createBuffer = (_sides, length, rate) => ({ duration: length / rate, copyToChannel() {} });
    createBufferSource = () => Object.assign(new Source(), { context: this });
  };
}

/** What the main thread holds once garbage is collected: megabytes, elements, listeners. */
export async function held(visit) {
  visit.session ??= await visit.page.context().newCDPSession(visit.page);
  const { session } = visit;
  await session.send("Performance.enable");
  for (let n = 0; n < 3; n += 1) await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name) => metrics.find((each) => each.name === name).value;
  return { heap: of("JSHeapUsedSize") / 1e6, nodes: of("Nodes"), listeners: of("JSEventListeners") };
}

/** Milliseconds of processor time of the longest task of a page's main thread, while `doing`. */
export async function longestTask(browser, visit, doing) {
  await browser.startTracing(visit.page, { categories: ["toplevel", "__metadata"] });
  await doing();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const names = traceEvents.filter((each) => each.name === "thread_name");
  const mains = names.filter((each) => each.args.name === "CrRendererMain");
  const isMain = (each) => mains.some(({ pid, tid }) => pid === each.pid && tid === each.tid);
  const tasks = traceEvents.filter((each) => each.name.endsWith("RunTask") && isMain(each));
  if (tasks.length < 50) throw new Error(`only ${tasks.length} tasks were seen`);
  return Math.max(...tasks.map((each) => (each.tdur ?? 0) / 1000));
}
