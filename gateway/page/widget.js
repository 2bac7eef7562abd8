// Puts a chat into a page: <script src="https://HUB/webchat/widget.js" data-channel="ID" async></script>
"use strict";
(() => {
  const own = document.currentScript;
  const hub = new URL(own.src).origin;
  const channel = own.dataset.channel;
  if (!channel) return;
  const frame = document.createElement("iframe");
  frame.title = "Chat";
  frame.style.cssText = "position:fixed;right:1rem;bottom:5rem;width:min(24rem,calc(100vw - 2rem));height:min(36rem,calc(100vh - 7rem));border:1px solid #8884;border-radius:.75rem;box-shadow:0 8px 32px #0003;background:#fff;z-index:2147483000;display:none";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = own.dataset.label || "Chat";
  button.setAttribute("aria-expanded", "false");
  button.style.cssText = "position:fixed;right:1rem;bottom:1rem;padding:.75rem 1.25rem;border:0;border-radius:2rem;background:#1f6feb;color:#fff;font:600 1rem system-ui,sans-serif;cursor:pointer;z-index:2147483000";
  button.addEventListener("click", () => {
    const open = frame.style.display === "none";
    if (open && !frame.src) frame.src = hub + "/webchat/" + encodeURIComponent(channel);
    frame.style.display = open ? "block" : "none";
    button.setAttribute("aria-expanded", String(open));
  });
  document.body.append(frame, button);
})();
