"use strict";
// Puts what the server tells of a run into the places of the page. Texts stay texts, and addresses are our own.
(function () {
  const now = document.getElementById("now"), lost = document.getElementById("lost");
  const since = document.getElementById("since");
  const nodes = new Map();
  for (const node of document.querySelectorAll("[data-n]")) nodes.set(node.dataset.n, node);
  const STATUS_MILLISECONDS = 10000; // a screen reader is not told more often
  let source = null, over = false, told = 0, last = Date.now();

  function put(name, facts) {
    if (name === "title") { document.title = facts.text; return; }
    const node = nodes.get(name);
    if (!node) return;
    if (name === "left") {
      if (!facts.hidden && Date.now() - told < STATUS_MILLISECONDS) return;
      told = Date.now();
    }
    if (facts.text !== undefined && node.textContent !== facts.text) node.textContent = facts.text;
    if (facts.max !== undefined) node.max = facts.max || 1;
    if (facts.value !== undefined) node.value = facts.value;
    if (facts.width !== undefined) node.setAttribute("width", facts.width);
    if (facts.d !== undefined) node.setAttribute("d", facts.d);
    if (facts.href && facts.href.startsWith("/item?")) node.setAttribute("href", facts.href);
    if (facts.tone) {
      node.setAttribute("class", "i " + facts.tone);
      node.firstElementChild.setAttribute("href", "#i-" + facts.tone);
    }
    if (facts.hidden !== undefined) node.toggleAttribute("hidden", facts.hidden);
    const around = nodes.get(name + "-li");
    if (around && facts.hidden !== undefined) around.toggleAttribute("hidden", facts.hidden);
  }

  function seen(event) {
    last = Date.now();
    lost.hidden = true;
    const facts = JSON.parse(event.data);
    for (const name of Object.keys(facts)) put(name, facts[name]);
    now.dataset.told = event.type;
  }

  function close() { if (source) source.close(); source = null; }

  function open() {
    if (over || source) return;
    source = new EventSource(now.dataset.events);
    source.addEventListener("seen", seen);
    source.addEventListener("over", function (event) { over = true; seen(event); close(); });
    source.addEventListener("open", function () { lost.hidden = true; });
    source.addEventListener("error", function () {
      if (over) return;
      since.textContent = Math.round((Date.now() - last) / 1000) + " s.";
      lost.hidden = false;
      if (source && source.readyState === EventSource.CLOSED) { close(); setTimeout(open, 5000); }
    });
  }

  // A page that nobody sees gives its connection back: a browser has six for one server.
  document.addEventListener("visibilitychange", function () { if (document.hidden) close(); else open(); });
  if (!document.hidden) open();
})();
