// Vercel's AI SDK with its provider for APIs like OpenAI's: a base URL and a key.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, streamText } from "ai";

const farebox = createOpenAICompatible({
  name: "farebox",
  baseURL: process.env.FAREBOX_BASE_URL,
  apiKey: process.env.FAREBOX_KEY,
  includeUsage: true,
});
const asked = { model: farebox("default"), prompt: "Name three colors.", maxOutputTokens: 20, maxRetries: 0 };

try {
  // In one piece
  const { text } = await generateText(asked);
  console.log(text);

  // In pieces; `textStream` alone would end without a word where there is an error
  for await (const part of streamText({ ...asked, onError() {} }).stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") process.stdout.write(part.text);
  }
  console.log();
} catch (error) {
  if (!APICallError.isInstance(error)) throw error;
  console.error(error.name, error.statusCode, error.data?.error.code);
  process.exitCode = 1;
}
