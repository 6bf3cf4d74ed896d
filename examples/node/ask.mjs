// The official OpenAI SDK, unchanged but for where it goes and with which key.
import OpenAI from "openai";

const { FAREBOX_BASE_URL: baseURL, FAREBOX_KEY: apiKey, FAREBOX_USER_TOKEN: userToken } = process.env;
const question = process.argv.slice(2).join(" ") || "How much time do I save by not writing my own billing?";

const client = new OpenAI({
  baseURL,
  apiKey,
  maxRetries: 0, // a limit may last until tomorrow: this says so at once, instead of waiting
  // Whose credits are spent: the ID token of your user, as the app that they signed in to sent it to you.
  defaultHeaders: userToken ? { "X-PromptProxy-Key": userToken } : {},
});

try {
  // `withResponse` shows the headers, too. Without them: const response = await client.responses.create({ … });
  const { data, response } = await client.responses
    .create({ model: process.env.MODEL ?? "gpt-5", input: question })
    .withResponse();
  console.log(data.output_text);
  const left = Number(response.headers.get("x-farebox-credits-remaining"));
  if (left) console.error(`${left} credits left`);
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  console.error(plainly(error));
  process.exitCode = 1;
}

function plainly({ status, message, headers }) {
  if (status === 401) return "The key or the user's token is not valid, or not any more.";
  if (status === 402) return "The user's credits are used up.";
  if (status === 403) return `Not allowed: ${message}`;
  if (status === 429) return `Too much for now: try again in ${headers?.get("retry-after") ?? "?"} s.`;
  return message;
}
