/** `undici URL DIGEST OUTPUT`: one blob over undici. */
import { Agent, request } from "undici";
import { receive } from "./receive.mjs";

const [url, digest, output] = process.argv.slice(2);

async function main() {
  const dispatcher = new Agent();
  const { statusCode, body } = await request(url, { dispatcher });
  if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  await receive(body, digest, output);
  await dispatcher.close();
}

void main();
