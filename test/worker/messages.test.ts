/** Requests of workers' clients, whatever their bytes are. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { readCommand } from "../../src/worker/messages.ts";
import { holds } from "../support/property.ts";
import { framed } from "../support/protobuf.ts";
import { commandOf } from "../support/worker.ts";

test("worker messages: the arguments of a request, without its environment", () => {
  const argv = ["blob", "host/tools@sha256:0", "", "ünïcödé", "x".repeat(300)];
  expect(readCommand(commandOf(argv, { HOME: "/home/somebody" }))).toEqual(argv);
  // Fields of other types, which a newer Buck2 may send.
  const further = Buffer.from([0x49, 0, 0, 0, 0, 0, 0, 0, 0, 0x4d, 0, 0, 0, 0, 0x0a, 1, 0x61]);
  expect(readCommand(framed(further))).toEqual(["a"]);
});

test("worker messages: any bytes are read or refused", () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one));
  const bodies = fc.oneof(
    bytes,
    bytes.map(framed),
    fc.array(fc.string()).map((argv) => commandOf(argv)),
  );
  holds("readCommand", bodies, (body) => Array.isArray(readCommand(body)));
});
