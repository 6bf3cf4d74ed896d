// Going to a provider's page to pay, or to save a card.

import { toast } from "../kit/states.js";

/** Follow the address that the API gave; it is a web page's, or it is not followed. */
export function follow(url) {
  if (!["https:", "http:"].includes(new URL(url).protocol)) throw new Error("This is no page to pay at.");
  toast("Taking you to the payment page…");
  location.assign(url);
}

const METHODS = { stripe: "card", btcpay: "Bitcoin", polar: "Polar", mollie: "Mollie" };

/** How people call a way to pay. */
export const method = (name) => METHODS[name] ?? name;
