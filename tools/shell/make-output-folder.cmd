@echo off
rem Creates the folder OUTPUT_FOLDER, then runs the arguments: protoc writes only into an existing folder.
if not exist "%OUTPUT_FOLDER:/=\%" mkdir "%OUTPUT_FOLDER:/=\%" || exit /b 1
%*
