/** The one module of undici that is used: its index loads fetch, WebSocket, caches and mocks, 45 ms at every start. */
declare module "undici/lib/dispatcher/agent.js" {
  import { Agent } from "undici";

  // biome-ignore lint/style/noDefaultExport: the module has no other
  export { Agent as default };
}
