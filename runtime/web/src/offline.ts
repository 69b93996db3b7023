/** Keeps the page for times without a network, where a browser can. */
if ("serviceWorker" in navigator && location.protocol.startsWith("http")) {
  addEventListener("load", () => {
    navigator.serviceWorker.register("sw.js").catch(() => undefined); // it works online all the same
  });
}
