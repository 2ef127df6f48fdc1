/** Work and output of `blob`. */
import type * as v from "valibot";
import { type BlobRequest, pullBlob } from "../verbs/blob.ts";
import type { Session } from "./io.ts";
import type { blobSchema } from "./schemas/artifacts.ts";
import type { Shown } from "./show.ts";

export async function showBlob(request: BlobRequest, { services, run }: Session): Promise<Shown> {
  const result = await pullBlob(request, services, run);
  return {
    text: result.path,
    notes: [`Digest: ${result.digest}`],
    json: result satisfies v.InferOutput<typeof blobSchema>,
  };
}
