#Requires -RunAsAdministrator
<#
.SYNOPSIS
Pengingat tidak berjalan sendiri lagi; data tetap ada. Pengingat runs by itself no more; the data stays.

.PARAMETER DryRun
Hanya tunjukkan perintahnya. Only show the commands.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File uninstall.ps1
#>
param(
    [string]$Program = (Join-Path $PSScriptRoot 'pengingat.exe'),
    [switch]$DryRun
)

$ErrorActionPreference = 'Stop'
$arguments = @('uninstall')
if ($DryRun) { $arguments += '--dry-run' }

& $Program @arguments
exit $LASTEXITCODE
