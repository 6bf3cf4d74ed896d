// OpenAI's SDK for Node, unchanged: a base URL and a key.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.FAREBOX_BASE_URL, apiKey: process.env.FAREBOX_KEY });
const messages = [{ role: "user", content: "Name three colors." }];

try {
  // In one piece
  const answer = await client.chat.completions.create({ model: "default", messages, max_tokens: 20 });
  console.log(answer.choices[0].message.content);

  // In pieces
  const stream = await client.chat.completions.create({ model: "default", messages, max_tokens: 20, stream: true });
  for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
  console.log();
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  console.error(error.constructor.name, error.status, error.code);
  process.exitCode = 1;
}
