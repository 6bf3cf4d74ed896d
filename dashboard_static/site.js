// Where the API is stands in config.json, which each deployment writes beside this page.
const show = (id, change) => {
  const element = document.getElementById(id);
  change(element);
  element.hidden = false;
};

try {
  const answer = await fetch("config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error(`config.json: ${answer.status}`);
  const { api } = await answer.json();
  show("register", (link) => (link.href = `${api}/register`));
  show("api", (text) => (text.textContent = `${api}/v1`));
  show("where", () => {});
} catch {
  show("problem", (text) => (text.textContent = "The API’s address cannot be read; try again in a minute."));
}
