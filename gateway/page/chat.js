// The visitor's side of a web chat: docs/webchat.md tells what is said over the socket.
"use strict";
(() => {
  const channel = location.pathname.split("/").filter(Boolean).pop();
  const store = "tidings-chat-" + channel;
  const list = document.getElementById("messages");
  const state = document.getElementById("state");
  const text = document.getElementById("text");
  const shown = new Map(); // message id → list item
  const waiting = new Map(); // our own id → { item, words }
  let socket = null;
  let pause = 500;
  let writing = false;

  const keep = (token) => { try { localStorage.setItem(store, token); } catch { /* a private window */ } };
  const kept = () => { try { return localStorage.getItem(store) || undefined; } catch { return undefined; } };
  const say = (words) => socket && socket.readyState === WebSocket.OPEN && (socket.send(JSON.stringify(words)), true);

  function line(words, own, name) {
    const item = document.createElement("li");
    if (own) item.className = "own";
    if (name && !own) {
      const who = document.createElement("small");
      who.textContent = name;
      item.append(who);
    }
    item.append(document.createTextNode(words));
    list.append(item);
    list.scrollTop = list.scrollHeight;
    return item;
  }

  function show(message) {
    if (shown.has(message.id)) return;
    const own = message.direction === "inbound";
    const words = message.text || (message.attachments.length ? "📎 " + message.attachments.map((a) => a.name || a.type).join(", ") : "");
    const item = line(words, own, message.name);
    shown.set(message.id, item);
    for (const one of message.buttons || []) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = one.title;
      button.addEventListener("click", () => {
        if (one.type === "url") { if (/^https?:/i.test(one.url)) window.open(one.url, "_blank", "noopener"); }
        else { text.value = one.title; send(); }
      });
      item.append(document.createElement("br"), button);
    }
    if (!own) say({ type: document.hidden ? "delivered" : "read", message_id: message.id });
  }

  function hear(words) {
    switch (words.type) {
      case "ready":
        pause = 500;
        keep(words.token);
        state.textContent = "";
        if (words.greeting && !words.history.length && !list.childElementCount) line(words.greeting, false);
        words.history.forEach(show);
        for (const [id, one] of waiting) say({ type: "message", id, text: one.words });
        break;
      case "history":
        words.history.forEach(show);
        break;
      case "accepted": {
        const one = waiting.get(words.id);
        waiting.delete(words.id);
        if (one) {
          one.item.classList.remove("waiting");
          shown.set(words.message_id, one.item);
        }
        break;
      }
      case "message":
        state.textContent = "";
        show(words.message);
        break;
      case "typing":
        state.textContent = words.is_typing ? "…" : "";
        break;
      case "error":
        if (words.code === "token") { try { localStorage.removeItem(store); } catch { /* nothing kept */ } }
        if (words.id && waiting.has(words.id) && words.code === "empty") waiting.delete(words.id);
        break;
    }
  }

  function open() {
    const scheme = location.protocol === "https:" ? "wss://" : "ws://";
    socket = new WebSocket(scheme + location.host + "/api/v1/webchat/" + channel + "/socket");
    socket.onopen = () => socket.send(JSON.stringify({ type: "start", token: kept() }));
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = () => {
      state.textContent = "Connecting…";
      setTimeout(open, pause);
      pause = Math.min(pause * 2, 15000);
    };
  }

  function send() {
    const words = text.value.trim();
    if (!words) return;
    const id = crypto.randomUUID ? crypto.randomUUID() : String(Date.now()) + Math.random();
    const item = line(words, true);
    item.classList.add("waiting");
    waiting.set(id, { item, words });
    say({ type: "message", id, text: words });
    text.value = "";
    if (writing) say({ type: "typing", is_typing: (writing = false) });
  }

  document.getElementById("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
  });
  text.addEventListener("input", () => {
    const now = text.value !== "";
    if (now !== writing) say({ type: "typing", is_typing: (writing = now) });
  });
  open();
})();
