// Asks once a second what changed, and replaces only that.
"use strict";

const by = (id) => document.getElementById(id);
const who = by("who");
const numbers = {};
let known = null; // keys of the letters that were there at the first look, per person
let language = "";
let kind = "";

async function post(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body || {}) });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function place(name, pieces) {
  const box = by(name);
  const there = new Map([...box.children].map((each) => [each.dataset.key, each]));
  let before = null;
  for (const piece of pieces) {
    let element = there.get(piece.key);
    if (!element || element.dataset.version !== piece.version) {
      const fresh = document.createElement("div");
      fresh.dataset.key = piece.key;
      fresh.dataset.version = piece.version;
      fresh.innerHTML = piece.html;
      if (element) element.replaceWith(fresh);
      else if (name === "mailbox" || name === "stream") fresh.className = known ? "new" : "";
      element = fresh;
    }
    if (element.previousElementSibling !== before || element.parentNode !== box) box.insertBefore(element, before ? before.nextSibling : box.firstChild);
    before = element;
    there.delete(piece.key);
  }
  for (const gone of there.values()) gone.remove();
}

function fit(frame) {
  frame.style.height = "0";
  frame.style.height = frame.contentDocument.documentElement.scrollHeight + "px";
}

function watchLetters() {
  for (const letter of document.querySelectorAll("details.letter:not([data-watched])")) {
    letter.dataset.watched = "yes";
    const frame = letter.querySelector("iframe");
    frame.addEventListener("load", () => frame.src && fit(frame));
    letter.addEventListener("toggle", () => {
      if (letter.open && !frame.src) frame.src = frame.dataset.src;
    });
    const key = letter.parentNode.dataset.key;
    if (known && !known.has(key) && !letter.classList.contains("newsletter")) {
      for (const other of document.querySelectorAll("details.letter[open]")) other.open = false;
      letter.open = true;
    }
  }
}

async function look() {
  const asked = who.value;
  const answer = await fetch("/state?who=" + encodeURIComponent(asked));
  if (!answer.ok || asked !== who.value) return;
  const state = await answer.json();
  for (const [name, pieces] of Object.entries(state.pieces)) place(name, pieces);
  watchLetters();
  known = new Set(state.pieces.mailbox.map((each) => each.key));
  by("now").textContent = state.now;
  by("held").textContent = state.held;
  by("entries").textContent = state.entries;
  by("letters").textContent = state.pieces.mailbox.length || "";
  by("mails").textContent = state.pieces.stream.length || "";
  by("forged").hidden = state.reads;
  for (const empty of document.querySelectorAll("[data-empty]")) empty.hidden = state.pieces[empty.dataset.empty].length > 0 || (empty.dataset.empty === "mailbox" && !state.reads);
}

async function keepLooking() {
  for (;;) {
    try {
      await look();
    } catch (error) {
      by("now").textContent = "not running";
    }
    await new Promise((resolve) => setTimeout(resolve, 900));
  }
}

function press(buttons, chosen) {
  for (const each of buttons) each.setAttribute("aria-pressed", String(each === chosen));
}

const tongues = [...document.querySelectorAll(".tongues button")];
const kinds = [...document.querySelectorAll(".ready button")];

async function write(next) {
  if (!kind) return;
  const at = kind + language;
  numbers[at] = (numbers[at] ?? -1) + (next || !(at in numbers) ? 1 : 0);
  const asked = new URLSearchParams({ who: who.value, kind, language, number: numbers[at] });
  const answer = await fetch("/ready?" + asked);
  if (!answer.ok) return;
  const mail = await answer.json();
  by("subject").value = mail.subject;
  by("text").value = mail.text;
}

function speak(code) {
  language = code;
  press(tongues, tongues.find((each) => each.dataset.language === code));
}

function composing(on) {
  by("write").hidden = !on;
  by("written").hidden = on;
}

function become() {
  known = null;
  speak(who.selectedOptions[0].dataset.language);
  write(false);
  look();
}

for (const each of tongues) each.addEventListener("click", () => { speak(each.dataset.language); write(false); });
for (const each of kinds) each.addEventListener("click", () => {
  const again = kind === each.dataset.kind;
  kind = each.dataset.kind;
  press(kinds, each);
  write(again);
});
who.addEventListener("change", become);
by("another").addEventListener("click", () => { composing(true); who.focus(); });
by("owner").addEventListener("click", () => { who.value = who.selectedOptions[0].dataset.victim; become(); });

by("write").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("/send", { who: who.value, kind, subject: by("subject").value, text: by("text").value });
    by("said").textContent = "";
    by("wrote").textContent = by("subject").value || by("text").value.slice(0, 60);
    composing(false);
    await look();
  } catch (error) {
    by("said").textContent = "That did not work. Please try again.";
  }
});

async function busy(button, work) {
  button.disabled = true;
  try {
    await work();
    await look();
  } finally {
    button.disabled = false;
  }
}

by("later").addEventListener("click", (event) => busy(event.target, () => post("/later")));
by("reset").addEventListener("click", (event) => busy(event.target, async () => { await post("/reset"); location.reload(); }));

for (const each of document.querySelectorAll(".tabs button")) each.addEventListener("click", () => {
  document.querySelector(".sides").dataset.shows = each.dataset.side;
  press(document.querySelectorAll(".tabs button"), each);
});

addEventListener("resize", () => document.querySelectorAll("details.letter[open] iframe").forEach((frame) => frame.contentDocument && fit(frame)));
speak(who.selectedOptions[0].dataset.language);
keepLooking();
