// Everything that comes from outside is put into the page as text, never as markup.
"use strict";

const byId = (id) => document.getElementById(id);

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = String(text);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// On a narrow screen a row is a card: each cell has its label, and the roles stay when the style makes blocks of them.
function rows(id, all) {
  const table = byId(id);
  const labels = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  table.tBodies[0].replaceChildren(
    ...all.map((values) => {
      const row = element("tr", undefined, { role: "row" });
      values.forEach((value, column) => {
        const cell = value instanceof Node ? value : element("td", value);
        cell.setAttribute("role", "cell");
        cell.dataset.label = labels[column];
        row.append(cell);
      });
      return row;
    }),
  );
}

const number = (value) => Number(value).toLocaleString("en");
const age = (seconds) => {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
};
const link = (id) => element("a", id, { href: `/events/${encodeURIComponent(id)}` });

function showStatus(status) {
  const { intake, store, listeners, pools, receiver, topics } = status;
  const state = byId("state");
  state.textContent = store.state === "ok" ? `live, up ${age(status.uptime_seconds)}` : store.state;
  state.className = store.state === "ok" ? "" : "bad";

  const answers = Object.entries(intake.requests).map(([code, count]) => `${number(count)}\u00a0×\u00a0${code}`);
  const figures = [
    ["accepted", number(intake.accepted)],
    ["repeats", number(intake.duplicates)],
    ["answers", answers.join(", ") || "none"],
    ["rejected lines", number(intake.rejected_lines)],
    ["being taken in", `${number(intake.in_progress)} of ${number(intake.capacity)}`],
    ["in the file", number(store.events)],
    ["commits", number(store.commits)],
    ["mean commit", `${store.commit_millis.toFixed(2)} ms`],
  ];
  byId("intake").replaceChildren(
    ...figures.map(([name, value]) => {
      const figure = element("div");
      figure.append(element("dt", name), element("dd", value));
      return figure;
    }),
  );

  rows("listeners", listeners.map((l) => {
    const dead = element("td", number(l.dead));
    if (l.dead > 0) dead.className = "bad";
    const suffix = l.is_orphan ? " (nobody handles it)" : l.is_held ? "" : " (another process)";
    return [l.name + suffix, dead, number(l.waiting), age(l.oldest_waiting_seconds), number(l.in_flight),
      number(l.retrying), number(l.behind), number(l.done), number(l.failed)];
  }));
  rows("pools", pools.map((p) => [p.name, `${p.active} of ${p.max_workers}`,
    `${p.waiting} of ${p.capacity}`, number(p.completed)]));
  rows("topics", topics.map((t) => [t.topic, number(t.events)]));
  showReceiver(receiver);
  const dead = listeners.map((l) => l.dead).join();
  if (dead !== showStatus.dead) {
    showStatus.dead = dead;
    showDead();
  }
  if (shown) showWay(shown);
}

function showReceiver(receiver) {
  const line = byId("receiver");
  const pause = receiver.pause_seconds ? `, which has asked for a pause of ${age(receiver.pause_seconds)}` : "";
  const word = receiver.is_broken ? ", which is broken" : pause;
  line.replaceChildren(element("span", `forward sends events to ${receiver.url}${word} `));
  if (!receiver.can_break) return;
  const button = element("button", receiver.is_broken ? "mend it" : "break it", { type: "button", id: "break" });
  button.addEventListener("click", () => post(receiver.is_broken ? "/receiver/mend" : "/receiver/break"));
  line.append(button);
}

async function post(path) {
  const answer = await fetch(path, { method: "POST" });
  byId("said").textContent = answer.ok ? "" : await answer.text();
  await look();
}

async function look() {
  const status = await fetch("/status.json");
  if (status.ok) showStatus(await status.json());
}

// Listener and topic are shown beside it.
const cause = (error) => error.replace(/^.*? failed for [^:]*: /s, "");

async function showDead() {
  const answer = await fetch("/dead");
  if (!answer.ok) return;
  const { dead, more, at_most_of_each } = await answer.json();
  const cards = dead.map((event) => {
    const card = element("li");
    const words = element("div");
    words.append(link(event.id), element("span", ` ${event.topic} for ${event.listener}, ${event.attempts} attempts`));
    const query = `?listener=${encodeURIComponent(event.listener)}`;
    const act = (what) => {
      const button = element("button", what, { type: "button", class: what });
      button.addEventListener("click", () => post(`/dead/${encodeURIComponent(event.id)}/${what}${query}`));
      return button;
    };
    card.append(words, element("div", event.error ? cause(event.error) : "no error recorded", { class: "bad" }), act("redrive"), " ", act("discard"));
    return card;
  });
  for (const listener of more) {
    cards.push(element("li", `${listener} has more than these ${at_most_of_each}`));
  }
  byId("dead").replaceChildren(...(cards.length ? cards : [element("li", "none", { class: "good" })]));
}

const path = location.pathname.match(/^\/events\/([^/]+)$/);
const shown = path && path[1];

function attempt(outcome) {
  const ended = `attempt ${outcome.attempt}, ${new Date(outcome.at).toLocaleTimeString()}: `;
  const [word, kind] = outcome.error === null ? ["done", "good"] : [cause(outcome.error), "bad"];
  const line = element("div", ended);
  line.append(element("span", word, { class: kind }));
  return line;
}

async function showWay(id) {
  byId("way-section").hidden = false;
  // As it is in the address, where it may be no ID and badly encoded.
  const answer = await fetch(`/events/${id}`, { headers: { accept: "application/json" } });
  if (!answer.ok) {
    showWay.text = null;
    byId("way").replaceChildren(element("p", await answer.text(), { class: "bad" }));
    return;
  }
  const text = await answer.text();
  // What has not changed stays, and with it what the reader has selected in it.
  if (text === showWay.text) return;
  showWay.text = text;
  const event = JSON.parse(text);
  const list = element("ul", undefined, { class: "cards" });
  const stored = new Date(event.emitted_at).toLocaleString();
  list.append(element("li", `stored ${stored} at position ${event.position}, ${number(event.bytes)} bytes`));
  for (const listener of event.listeners) {
    const words = [`${listener.name}: ${listener.state}`];
    if (listener.attempts) words.push(`${listener.attempts} attempts failed`);
    if (listener.error && !listener.outcomes.length) words.push(cause(listener.error));
    const card = element("li");
    card.append(element("div", words.join(", "), { class: "state" }), ...listener.outcomes.map(attempt));
    list.append(card);
  }
  byId("way").replaceChildren(
    element("p", `${event.id} ${event.topic}`),
    list,
    element("p", `Attempts are known of the last ${number(event.outcomes_of_last)} that ended since the start.`, { class: "note" }),
    element("pre", JSON.stringify(event.payload, null, 2)),
  );
}

const MOST_RECENT = 12;

function showTaken(event) {
  const card = element("li");
  card.append(link(event.id), element("span", ` ${event.topic}`));
  const recent = byId("recent");
  byId("recent-none").hidden = true;
  recent.prepend(card);
  while (recent.children.length > MOST_RECENT) recent.lastChild.remove();
}

const stream = new EventSource("/stream");
stream.addEventListener("status", (sent) => showStatus(JSON.parse(sent.data)));
stream.addEventListener("taken", (sent) => showTaken(JSON.parse(sent.data)));
stream.addEventListener("error", () => {
  byId("state").textContent = "no connection to the service";
  byId("state").className = "bad";
});
if (shown) showWay(shown);
