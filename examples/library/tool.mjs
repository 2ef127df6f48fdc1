// Publishes a file as a tool, locks it, and fetches it with progress: `node tool.mjs FILE REFERENCE`.
import { OrasClient, OrasClientError } from "buck2-oras";

const [file, reference] = process.argv.slice(2);
const onProgress = ({ label, transferredBytes, totalBytes, isDone }) => {
  if (isDone) console.error(`${label}: ${transferredBytes} of ${totalBytes} bytes`);
};
const client = new OrasClient({ timeoutSeconds: 60 });

try {
  const pushed = await client.push(reference, file, { title: "tool", onProgress });
  console.log(`pushed ${pushed.digest}`);

  const { change, tool } = await client.lock.add("tool", reference, { onProgress });
  console.log(`${tool}: ${change}`);

  const path = await client.pull(reference, {
    output: "bin",
    signal: AbortSignal.timeout(30_000),
    onProgress,
  });
  console.log(`placed ${path}`);
} catch (error) {
  if (!(error instanceof OrasClientError)) throw error;
  console.error(`${error.code}: ${error.message}${error.hint === undefined ? "" : `; ${error.hint}`}`);
  process.exitCode = error.exitCode;
}
