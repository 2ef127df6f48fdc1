@echo off
rem Runs Node on the arguments. Uses builtins only: this is in front of every action. No labels: they need CRLF.
setlocal
if not defined BUCK2_ORAS_NODE set "BUCK2_ORAS_NODE=node.exe"
set "found="
for %%I in ("%BUCK2_ORAS_NODE%") do if exist "%%~I" (set "found=yes") else if not "%%~$PATH:I"=="" set "found=yes"
if not defined found (
  >&2 echo error[NODE_NOT_FOUND]: Node.js not found: no `%BUCK2_ORAS_NODE%` on the PATH
  >&2 echo   hint: install Node.js 20.19 or newer, or name one with BUCK2_ORAS_NODE; Buck2 sees a new PATH after `buck2 kill`
  exit /b 69
)
"%BUCK2_ORAS_NODE%" %*
