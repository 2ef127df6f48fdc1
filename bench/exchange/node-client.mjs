/** `node-client FOLDER URL…`: blobs over Node's own client. */
import { Agent, get } from "node:http";
import { receiveAll } from "./receive.mjs";

const agent = new Agent({ keepAlive: true });

function open(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      if (response.statusCode === 200) resolve(response);
      else reject(new Error(`status ${response.statusCode}`));
    }).on("error", reject);
  });
}

void receiveAll(process.argv.slice(2), open).then(() => agent.destroy());
