// Numbers, money and times as people read them, in their own language.

import { h } from "./dom.js";

const whole = new Intl.NumberFormat();
const fine = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const finest = new Intl.NumberFormat(undefined, { maximumFractionDigits: 6 });
const brief = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const date = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });
const dateAndYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeZone: "UTC" });
const since = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });

const STEPS = [["year", 31_536_000], ["month", 2_592_000], ["week", 604_800], ["day", 86_400], ["hour", 3600], ["minute", 60]];

export const count = (number) => whole.format(number ?? 0);
export const tokens = count;
/** Credits: whole ones as a rule; parts of one where there are any. */
export const credits = (number) => (Math.abs(number) < 1 ? finest : fine).format(number ?? 0);
/** 100k, 5M: for marks on charts and for offers. */
export const short = (number) => brief.format(number ?? 0).replace("K", "k");

/** A price: `amount` in the smallest unit of a currency such as `usd`, as the API gives both. */
export function price(amount, currency) {
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency: currency.toUpperCase() });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** What a million credits cost at this price. */
export const perMillion = (amount, currency, credits) => (credits ? price((amount / credits) * 1e6, currency) : "");

/** A moment, in the reader's own time; the title says it in UTC. Nothing for null. */
export const when = (iso) => (iso ? h("time", { datetime: iso, title: utc(iso) }, moment.format(new Date(iso))) : "");

/** How long ago, or from now: "3 hours ago". */
export function ago(iso, now = Date.now()) {
  const seconds = (new Date(iso) - now) / 1000;
  const [unit, length] = STEPS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return h("time", { datetime: iso, title: utc(iso) }, since.format(Math.round(seconds / length), unit));
}

/** A UTC day such as 2026-01-31. */
export const day = (iso) => date.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`));
export const fullDay = (iso) => dateAndYear.format(new Date(`${iso.slice(0, 10)}T00:00:00Z`));

const utc = (iso) => iso.replace("T", " ").replace("Z", " UTC");

/** Of the last `length` UTC days, the latest last, as 2026-01-31. */
export function lastDays(length, now = Date.now()) {
  const today = Math.floor(now / 86_400_000);
  return Array.from({ length }, (_, index) => new Date((today - length + 1 + index) * 86_400_000).toISOString().slice(0, 10));
}
