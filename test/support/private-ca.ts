/** A certificate authority of a company's own, and what it signed. Files in a folder. */
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SignedCertificate {
  /** Paths of PEM files. */
  readonly certificate: string;
  readonly key: string;
}

export type Validity = "a month" | "a day" | "over";

export interface PrivateCa {
  /** Path of the authority's own certificate. */
  readonly certificate: string;
  /** @param subject Name or address that the certificate is for. */
  readonly sign: (subject: string, validity?: Validity) => SignedCertificate;
}

/** OpenSSL 3.4 and newer refuse an end before the beginning, and older ones cannot be told the beginning. */
function daysThatAreOver(openssl: string): readonly string[] {
  const help = String(spawnSync(openssl, ["x509", "-help"]).stderr);
  return help.includes("-not_after")
    ? ["-not_before", "20200101000000Z", "-not_after", "20200201000000Z"]
    : ["-days", "-1"];
}

/** @param openssl Path of the program. @param dir Folder for the files. */
export function createPrivateCa(openssl: string, dir: string): PrivateCa {
  const run = (...args: string[]): void => void execFileSync(openssl, args, { cwd: dir, stdio: "pipe" });
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
  run(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "30",
    "-subj",
    "/O=Tests/CN=CA of the tests",
  );
  const daysOf: Readonly<Record<Validity, readonly string[]>> = {
    "a month": ["-days", "30"],
    "a day": ["-days", "1"],
    over: daysThatAreOver(openssl),
  };
  let signed = 0;
  return {
    certificate: join(dir, "ca.crt"),
    sign(subject, validity = "a month") {
      signed += 1;
      const name = `signed-${signed}`;
      const kind = /^[0-9.]+$/.test(subject) ? "IP" : "DNS";
      writeFileSync(join(dir, `${name}.ext`), `subjectAltName=${kind}:${subject}\n`);
      run("req", ...ec, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${subject}`);
      const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"];
      run(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        ...authority,
        "-out",
        `${name}.crt`,
        ...daysOf[validity],
        "-extfile",
        `${name}.ext`,
      );
      return { certificate: join(dir, `${name}.crt`), key: join(dir, `${name}.key`) };
    },
  };
}
