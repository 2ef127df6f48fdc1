#!/bin/sh
# Creates the folder OUTPUT_FOLDER, then runs the arguments: protoc writes only into an existing folder.
mkdir -p "$OUTPUT_FOLDER" && exec "$@"
