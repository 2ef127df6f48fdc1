/** The `Authorization` value of a login. */
import type { BasicCredentials } from "../model/credentials.ts";

/** RFC 7617 */
export function basicHeader({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}
