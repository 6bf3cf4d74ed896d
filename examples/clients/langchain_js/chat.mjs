// LangChain's ChatOpenAI, unchanged: a base URL and a key.
import { ChatOpenAI } from "@langchain/openai";

const model = new ChatOpenAI({
  configuration: { baseURL: process.env.FAREBOX_BASE_URL },
  apiKey: process.env.FAREBOX_KEY,
  model: "default",
  maxTokens: 20,
  maxRetries: 2,
});

try {
  // In one piece
  const answer = await model.invoke("Name three colors.");
  console.log(answer.text);

  // In pieces
  for await (const piece of await model.stream("Name three colors.")) process.stdout.write(piece.text);
  console.log();
} catch (error) {
  if (!error.status) throw error;
  console.error(error.constructor.name, error.status, error.code);
  process.exitCode = 1;
}
