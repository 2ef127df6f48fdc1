/** `node-client URL DIGEST OUTPUT`: one blob over Node's own client. */
import { Agent, get } from "node:http";
import { receive } from "./receive.mjs";

const [url, digest, output] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
get(url, { agent }, (response) => {
  if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
  void receive(response, digest, output).then(() => agent.destroy());
});
