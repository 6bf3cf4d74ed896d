// Plain fetch, no package: Node 20 or newer, Deno, Bun, and every browser.
const { FAREBOX_BASE_URL, FAREBOX_KEY, FAREBOX_USER_TOKEN } = process.env;
const question = process.argv.slice(2).join(" ") || "Say hello.";

const response = await fetch(`${FAREBOX_BASE_URL}/chat/completions`, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    Authorization: `Bearer ${FAREBOX_KEY}`,
    ...(FAREBOX_USER_TOKEN && { "X-User-Token": FAREBOX_USER_TOKEN }),
  },
  body: JSON.stringify({ model: "gpt-5", messages: [{ role: "user", content: question }], stream: true }),
});

if (!response.ok) {
  const { error } = await response.json();
  const words = {
    401: "The key or the user's token is not valid, or not any more.",
    402: "The credits are used up.",
    403: `Not allowed: ${error.message}`,
    429: `Too much for now: try again in ${response.headers.get("retry-after")} s.`,
  };
  console.error(words[response.status] ?? error.message);
  process.exit(1);
}

// Events come as lines `data: {…}`; one that arrives may be half of one, or several.
let rest = "";
for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
    const event = JSON.parse(line.slice(6));
    if (event.error) throw new Error(`The answer broke off: ${event.error.message}`);
    process.stdout.write(event.choices[0]?.delta?.content ?? "");
  }
}
console.log();
// Told at the beginning, when what the answer may cost at most was put aside: at the end it is this much, or more.
const left = Number(response.headers.get("x-farebox-credits-remaining"));
if (left) console.error(`at least ${left} credits left`);
