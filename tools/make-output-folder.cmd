@echo off
rem Makes the folder that OUTPUT_FOLDER names, then runs the arguments: protoc writes only into a folder that is there.
if not exist "%OUTPUT_FOLDER:/=\%" mkdir "%OUTPUT_FOLDER:/=\%" || exit /b 1
%*
