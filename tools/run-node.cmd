@echo off
rem Runs Node on the arguments. Builtins only: every action starts with this script. No labels: labels need CRLF.
setlocal
if not defined BUCK2_ORAS_NODE set "BUCK2_ORAS_NODE=node.exe"
set "node="
rem A bare name is looked for on the PATH alone: cmd.exe would look in the working folder, a checkout, first.
for %%I in ("%BUCK2_ORAS_NODE%") do set "node=%%~$PATH:I"
for %%I in ("%BUCK2_ORAS_NODE%") do if not "%%~nxI"=="%BUCK2_ORAS_NODE%" if exist "%%~I" set "node=%%~fI"
if not defined node (
  >&2 echo error[NODE_NOT_FOUND]: Node.js not found: no `%BUCK2_ORAS_NODE%` on the PATH
  >&2 echo   hint: install Node.js 20.19 or newer where this ran, on the worker under remote execution, or set BUCK2_ORAS_NODE there, or use a standalone executable, see docs/standalone.md; run `buck2 kill` so that Buck2 sees a new PATH
  exit /b 69
)
rem After `--`, Node looks for no option of its own: it would read the file of a tool's `--env-file`.
"%node%" -- %*
