"use strict";
// Makes the page live: hears what happens, asks for the page again, and takes over what differs.
(() => {
  const REST_MS = 1000; // between two looks, at the least
  const RETRY_MS = 10000; // after the server would not let us follow
  const every = ["lost", "status"]; // concern every view
  const main = document.getElementById("main");
  const live = document.getElementById("live");
  const pause = document.getElementById("pause");
  let source = null;
  let paused = false;
  let missed = 0;
  let timer = 0;
  let looking = false;
  let again = false;
  let rested = 0;
  let ahead = Number(main.dataset.now) - Date.now();

  const say = (text) => {
    if (live.textContent !== text) live.textContent = text;
  };

  // Makes `old` equal to `fresh`, touching only what differs: focus, selection and what is open stay.
  const renew = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.data = fresh.data;
      return;
    }
    if (old.hasAttribute("data-still")) return;
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value && name !== "open") old.setAttribute(name, value);
    }
    // What is gone goes first: whatever is moved would lose the focus.
    const stays = new Set([...fresh.children].map((child) => child.id));
    for (const child of [...old.children]) {
      if (child.id && !stays.has(child.id)) child.remove();
    }
    const known = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
    let at = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const match = wanted.id ? known.get(wanted.id) : at && !at.id ? at : null;
      if (!match) {
        old.insertBefore(wanted, at);
        continue;
      }
      while (at && at !== match && !at.id) {
        const next = at.nextSibling;
        at.remove();
        at = next;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      renew(match, wanted);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  // What was asked for is refused: nothing more is to be heard of it.
  const rest = (text) => {
    main.dataset.follow = "";
    if (source) source.close();
    source = null;
    pause.hidden = true;
    say(text);
  };

  const look = async () => {
    timer = 0;
    looking = true;
    again = false;
    const began = performance.now();
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, credentials: "same-origin" });
      if (answer.status === 401 || answer.status === 403) return rest("no more let in: load the page again");
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const id of ["parts", "main"]) {
        const part = fresh.getElementById(id);
        if (part) renew(document.getElementById(id), part);
      }
      ahead = Number(main.dataset.now) - Date.now();
      tick();
      if (!main.dataset.follow) rest("not live");
      else if (!paused && source && source.readyState === EventSource.OPEN) say("live");
    } catch {
      say("doorchime does not answer");
    } finally {
      looking = false;
      // However long a look takes, most of the time is left for others.
      rested = performance.now() + Math.max(REST_MS, 9 * (performance.now() - began));
      if (again) soon();
    }
  };

  const soon = () => {
    if (!main.dataset.follow) return;
    if (looking) again = true;
    else if (!timer) timer = setTimeout(look, Math.max(0, rested - performance.now()));
  };

  const heard = () => {
    if (paused) missed += 1;
    else soon();
  };

  const follow = () => {
    if (source || document.hidden || !main.dataset.follow) return;
    source = new EventSource(main.dataset.follow);
    source.onopen = () => say(paused ? "paused" : "live");
    source.onerror = () => {
      say("not live: connecting again");
      if (source && source.readyState === EventSource.CLOSED) {
        source = null;
        setTimeout(() => { follow(); heard(); }, RETRY_MS);
      }
    };
    for (const name of new Set([...main.dataset.hears.split(" "), ...every])) {
      if (name) source.addEventListener(name, heard);
    }
  };

  // In the words of the server.
  const length = (ms) => {
    const seconds = Math.floor(Math.max(0, ms) / 1000);
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  };
  const tick = () => {
    if (paused) say(missed ? `paused, ${missed} new` : "paused");
    const now = Date.now() + ahead;
    for (const time of document.querySelectorAll("time[data-runs]")) {
      const ms = Date.parse(time.dateTime) - now;
      const text = length(time.dataset.runs === "for" ? -ms : ms);
      if (time.textContent !== text) time.textContent = text;
    }
    for (const bar of document.querySelectorAll("progress[data-from]")) {
      bar.value = Math.min(bar.max, Math.max(0, now - Number(bar.dataset.from)));
    }
  };

  pause.hidden = !main.dataset.follow;
  pause.addEventListener("click", () => {
    paused = !paused;
    missed = 0;
    pause.textContent = paused ? "Go on" : "Pause";
    say(paused ? "paused" : "live");
    clearTimeout(timer);
    timer = 0;
    if (!paused) soon();
  });

  // A button does its work without leaving the place where one is reading.
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.hasAttribute("data-act")) return;
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const answer = await fetch(form.action, { method: "POST", redirect: "manual", credentials: "same-origin" });
      if (answer.type === "opaqueredirect") await look();
      else form.submit(); // it says no: the page that says why
    } catch {
      say("doorchime does not answer");
    } finally {
      button.disabled = false;
    }
  });

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (source) source.close();
      source = null;
    } else {
      follow();
      heard();
    }
  });

  setInterval(tick, 1000);
  tick();
  follow();
})();
