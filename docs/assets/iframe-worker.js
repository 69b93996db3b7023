// A page that is opened from disk may start no workers: run their script in a hidden frame instead.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.waiting = [];
      const answer = (data) => {
        const event = new MessageEvent("message", { data });
        this.onmessage?.(event);
        this.dispatchEvent(event);
      };
      this.frame.addEventListener("load", () => {
        const inside = this.frame.contentWindow;
        inside.postMessage = answer; // what the script sends comes to us
        inside.importScripts = (...urls) =>
          Promise.all(urls.map((each) => this.load(new URL(each, url))));
        this.load(url).then(() => this.waiting.splice(0).forEach((data) => this.postMessage(data)));
      }, { once: true });
      this.frame.src = "about:blank";
      document.documentElement.append(this.frame);
    }
    load(url) {
      const inside = this.frame.contentDocument;
      return new Promise((loaded, failed) => {
        const script = inside.createElement("script");
        Object.assign(script, { src: url, onload: () => { this.ready = true; loaded(); }, onerror: failed });
        inside.head.append(script);
      });
    }
    postMessage(data) {
      if (!this.ready) return void this.waiting.push(data);
      const inside = this.frame.contentWindow;
      inside.dispatchEvent(new inside.MessageEvent("message", { data }));
    }
    terminate() {
      this.frame.remove();
    }
  };
}
