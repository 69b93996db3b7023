/** Keeps the page for times without a network, where a browser can. */
if ("serviceWorker" in navigator && location.protocol.startsWith("http")) {
  const keep = () => {
    navigator.serviceWorker.register("sw.js").catch(() => undefined); // it works online all the same
  };
  addEventListener("load", () => setTimeout(keep, 2000)); // the first song goes first
}
