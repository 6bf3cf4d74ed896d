// How Sphinx orders what a search finds: its own numbers, but a decision comes after the page that says how it is now.
"use strict";

var Scorer = {
  score: ([page, , , , score]) => (page.startsWith("decisions/") ? score - 8 : score),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
