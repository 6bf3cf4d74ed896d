// How a payment ended, before anything is painted: the page shows that part alone.
document.documentElement.dataset.outcome = new URLSearchParams(location.search).get("checkout") || "done";
