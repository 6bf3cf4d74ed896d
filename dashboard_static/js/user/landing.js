// The first page: where the API is, what there is to try, and the way to the dashboard for those who have a key.

import { api } from "../kit/config.js";
import { copyable } from "../kit/copy.js";
import { $, put } from "../kit/dom.js";
import { keep } from "../kit/session.js";
import { offer } from "./offer.js";

$("#enter").addEventListener("submit", (event) => {
  event.preventDefault();
  keep("key", $("#key").value.trim());
  $("#key").value = "";
  location.assign("dashboard.html");
});

api().then(
  (address) => put($("#base"), copyable(`${address}/v1`, "the base URL")),
  () => put($("#base"), "The API’s address cannot be read now. Load the page again in a minute."),
);
offer(({ credits, days }) => ($("#trial").textContent = days ? `${credits} tokens, ${days} days` : `${credits} tokens`));
