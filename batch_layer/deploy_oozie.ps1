# Deploys the batch layer to Oozie: builds learnfold.zip, checks the XML, uploads all, prints the command that submits it.
#   .\deploy_oozie.ps1 [--dry-run] [-D nameNode=hdfs://host:8020] [--via hdfs|webhdfs] …   (--help tells more)
# $env:PYTHON names the interpreter; else it is the one of .venv, else python.
$ErrorActionPreference = 'Stop'

$here = $PSScriptRoot
$root = Split-Path -Parent $here
$python = $env:PYTHON
if (-not $python) {
    $python = 'python'
    $own = Join-Path $root '.venv/Scripts/python.exe'
    if (Test-Path -LiteralPath $own) { $python = $own }
}
$source = Join-Path $root 'src'
$env:PYTHONPATH = if ($env:PYTHONPATH) { $source + [IO.Path]::PathSeparator + $env:PYTHONPATH } else { $source }

# 1. build
& $python (Join-Path $root 'tools/build_zip.py')
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
# 2. check  3. upload  4. print the submit command
& $python -m learnfold oozie --deploy $here --zip (Join-Path $root 'dist/learnfold.zip') @args
exit $LASTEXITCODE
