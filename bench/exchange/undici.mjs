/** `undici FOLDER URL…`: blobs over undici. */
import { Agent, request } from "undici";
import { receiveAll } from "./receive.mjs";

const dispatcher = new Agent();

async function open(url) {
  const { statusCode, body } = await request(url, { dispatcher });
  if (statusCode !== 200) throw new Error(`status ${statusCode}`);
  return body;
}

void receiveAll(process.argv.slice(2), open).then(() => dispatcher.close());
