/** Results about who signed. */
import * as v from "valibot";
import { problems, signatureForms } from "../../signature/problems.ts";
import { digest } from "./values.ts";

const signer = v.variant("kind", [
  v.object({
    kind: v.literal("key"),
    fingerprint: v.pipe(digest, v.description("SHA-256 of the public key's DER.")),
  }),
  v.object({
    kind: v.literal("identity"),
    subject: v.pipe(v.string(), v.description("Address of a workflow or of mail, from the certificate.")),
    issuer: v.string(),
  }),
]);

const signature = v.object({
  form: v.picklist(signatureForms),
  manifest: v.pipe(digest, v.description("Digest of the signature's manifest.")),
  layer: v.nullable(digest),
  signer: v.pipe(v.nullable(signer), v.description("The proven signer; null if nobody is proven.")),
  time: v.pipe(v.nullable(v.string()), v.description("Time that a log or a timestamp authority vouches for.")),
  counted: v.boolean(),
  problem: v.nullable(v.picklist(problems)),
  reason: v.pipe(v.nullable(v.string()), v.description("Why the signature does not count, for people.")),
});

export const verifySignatureSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the manifest or index whose signatures were sought.")),
  verified: v.pipe(
    v.boolean(),
    v.description("True if a demanded signer signed, and one of each policy; otherwise the exit code is 65."),
  ),
  code: v.nullable(v.picklist(["SIGNATURE_MISSING", "SIGNATURE_REFUSED"])),
  signatures: v.array(signature),
  unread: v.pipe(v.number(), v.integer(), v.description("Signatures beyond the limit of 100, which were not read.")),
  policies: v.pipe(
    v.array(
      v.object({
        file: v.string(),
        prefix: v.string(),
        action: v.picklist(["require", "warn"]),
        fulfilled: v.boolean(),
      }),
    ),
    v.description("Policies whose signers were demanded; empty if options name signers, and without a policy."),
  ),
});

export const trustRootSchema = v.object({
  url: v.pipe(v.string(), v.description("Address of the TUF repository.")),
  file: v.string(),
  change: v.picklist(["created", "updated", "unchanged"]),
  version: v.pipe(v.number(), v.integer(), v.description("Version of the repository's last TUF root.")),
  expires: v.pipe(v.string(), v.description("Time at which that TUF root expires, ISO 8601 in UTC.")),
});
