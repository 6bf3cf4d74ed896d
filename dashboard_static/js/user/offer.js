// What an account begins with. The page says the usual until the API has said what it is here; and stays as it is where it does not.

import { ask } from "../kit/ask.js";
import { short } from "../kit/show.js";

/** Calls `say` with {credits, days}, where there is something to try: `credits` as 100k, `days` 0 where it does not end. */
export async function offer(say) {
  try {
    const { trial } = await ask("GET", "/register", { headers: { accept: "application/json" } });
    if (trial.credits) say({ credits: short(trial.credits), days: trial.days });
  } catch {
    // the page says enough
  }
}
