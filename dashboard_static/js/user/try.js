// A chat to try the gateway with: what comes is shown as it comes, as text, and what it cost.

import { ask } from "../kit/ask.js";
import { $, h } from "../kit/dom.js";
import { kept } from "../kit/session.js";
import { count, credits } from "../kit/show.js";
import { ready, words } from "../kit/states.js";
import { refresh } from "./account.js";
import { events } from "./events.js";

const LONGEST = 400;
const WAITS_MS = [0, 300, 700, 1500, 3000];

export function show(panel, within) {
  const log = h("div", { class: "log", role: "log", "aria-label": "Chat", tabindex: "0" });
  const start = h("p", { class: "quietly hello" }, "Ask something. It costs credits as any request does; nothing of it is kept but a receipt.");
  const text = h("textarea", { id: "say", rows: 2, placeholder: "Why is the sky blue?" });
  const send = h("button", {}, "Send");
  const stop = h("button", { type: "button", class: "quiet", hidden: true, on: { click: () => chat.stop() } }, "Stop");
  const anew = h("button", { type: "button", class: "quiet small", on: { click: () => chat.anew() } }, "New chat");
  const said = h("p", { class: "unseen", role: "status" });
  const composer = h("form", { class: "composer", on: { submit: (event) => (event.preventDefault(), chat.say()) } }, h("label", { for: "say", class: "unseen" }, "Your message"), text, h("div", { class: "row" }, send, stop));
  const chat = new Chat({ log, start, text, send, stop, said, within });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    composer.requestSubmit();
  });
  log.append(start);
  ready(panel, h("div", { class: "bar" }, h("h2", {}, "Try it"), anew), h("div", { class: "card chat" }, log, composer), said);
}

class Chat {
  constructor(parts) {
    this.parts = parts;
    this.messages = [];
    this.running = null;
  }

  stop() {
    this.running?.abort();
    this.parts.text.focus();
  }

  anew() {
    this.running?.abort();
    this.messages = [];
    this.parts.log.replaceChildren(this.parts.start);
    this.parts.text.focus();
  }

  /** Send what is written, show the answer as it comes, then what it cost. */
  async say() {
    const { text, log, start } = this.parts;
    const content = text.value.trim();
    if (!content || this.running) return;
    text.value = "";
    start.remove();
    log.append(h("div", { class: "said mine" }, h("span", { class: "unseen" }, "You: "), h("p", {}, content)));
    const messages = [...this.messages, { role: "user", content }];
    const answer = new Answer(log);
    const running = new AbortController();
    this.busy(running);
    let ended = "The answer is complete.";
    try {
      await answer.read(messages, running.signal);
      this.messages = [...messages, { role: "assistant", content: answer.text }];
    } catch (problem) {
      if (problem.name === "AbortError") {
        ended = "Stopped.";
        if (answer.text) this.messages = [...messages, { role: "assistant", content: answer.text }];
      } else {
        ended = "";
        answer.failed(problem, this.parts.within);
        if (!answer.text) text.value ||= content;
      }
    }
    if (this.running === running) this.busy(null);
    const cost = await answer.cost();
    this.parts.said.textContent = [ended, cost].filter(Boolean).join(" ");
    for (const id of ["use", "receipts"]) this.parts.within.stale(id);
  }

  busy(running) {
    const { stop, send, said } = this.parts;
    if (!running && document.activeElement === stop) this.parts.text.focus();
    this.running = running;
    stop.hidden = !running;
    send.hidden = Boolean(running);
    if (running) said.textContent = "The answer is being written.";
  }
}

/** One answer in the log. */
class Answer {
  constructor(log) {
    this.log = log;
    this.text = "";
    this.receipt = "";
    this.usage = null;
    this.model = "";
    this.words = h("p", {}, h("span", { class: "spin", "aria-hidden": "true" }));
    this.thoughts = h("p");
    this.thinking = h("details", { class: "thoughts", hidden: true }, h("summary", {}, "Thoughts"), this.thoughts);
    this.about = h("p", { class: "about" }, " ");
    this.element = h("div", { class: "said", "aria-busy": "true" }, h("span", { class: "unseen" }, "Answer: "), this.thinking, this.words, this.about);
    log.append(this.element);
    this.down(true);
  }

  async read(messages, signal) {
    const body = { model: "default", messages, stream: true, stream_options: { include_usage: true }, max_tokens: LONGEST };
    try {
      const answer = await ask("POST", "/v1/chat/completions", { key: kept("key"), body, signal, raw: true });
      this.receipt = answer.headers.get("x-farebox-receipt") ?? "";
      for await (const event of events(answer)) this.take(event);
    } finally {
      $(".spin", this.words)?.remove();
      this.element.removeAttribute("aria-busy");
    }
  }

  take(event) {
    if (event.error) throw Object.assign(new Error(event.error.message), event.error, { name: "Error" });
    this.usage = event.usage ?? this.usage;
    this.model = event.model ?? this.model;
    const { content, reasoning_content: thought } = event.choices?.[0]?.delta ?? {};
    if (!content && !thought) return;
    const atEnd = this.atEnd();
    $(".spin", this.words)?.remove();
    if (thought) {
      this.thinking.hidden = false;
      this.thoughts.append(thought);
    }
    if (content) {
      this.text += content;
      this.words.append(content);
    }
    this.down(atEnd);
  }

  failed(problem, within) {
    const empty = problem.status === 402 && h("button", { type: "button", class: "quiet small", on: { click: () => within.go("buy") } }, "Buy credits");
    if (!this.text) this.words.remove();
    this.about.before(h("div", { class: "note bad", role: "alert" }, h("p", {}, words(problem)), empty));
    this.down(true);
  }

  /** What it cost, once the receipt is there; the balance is heard of at the same time. */
  async cost() {
    const { prompt_tokens: input, completion_tokens: output } = this.usage ?? {};
    const parts = [this.usage && `${count(input)} tokens in, ${count(output)} out`, this.model];
    this.tell(parts);
    for (const wait of this.receipt ? WAITS_MS : []) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const found = await refresh().catch(() => null);
      if (!found) break;
      const receipt = found.receipts.find((one) => one.id === this.receipt);
      if (!receipt) continue;
      const text = `${credits(receipt.credits)} credits`;
      this.tell([h("strong", {}, text), `${count(receipt.input_tokens)} tokens in, ${count(receipt.output_tokens)} out`, receipt.model]);
      return `It cost ${text}.`;
    }
    return "";
  }

  tell(parts) {
    const atEnd = this.atEnd();
    const shown = parts.filter(Boolean);
    this.about.replaceChildren(...shown.flatMap((part, index) => (index ? [" · ", part] : [part])));
    this.down(atEnd);
  }

  atEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
  }

  down(wanted) {
    if (wanted) this.log.scrollTop = this.log.scrollHeight;
  }
}
