/** Families of rows, in the order of the table: each is one race, or one measurement. */
import { families as blobs } from "../rows/blobs.mjs";
import { families as clients } from "../rows/clients.mjs";
import { families as facts } from "../rows/facts.mjs";
import { families as fetching } from "../rows/fetch.mjs";
import { families as hit } from "../rows/hit.mjs";
import { families as packing } from "../rows/packing.mjs";
import { families as protoc } from "../rows/protoc.mjs";
import { families as tools } from "../rows/tools.mjs";

export const families = [...tools, ...blobs, ...protoc, ...hit, ...packing, ...facts, ...clients, ...fetching];
