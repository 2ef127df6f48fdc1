#!/bin/sh
# Makes the folder that OUTPUT_FOLDER names, then runs the arguments: protoc writes only into a folder that is there.
mkdir -p "$OUTPUT_FOLDER" && exec "$@"
