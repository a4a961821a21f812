#Requires -RunAsAdministrator
<#
.SYNOPSIS
Pengingat tidak berjalan sendiri lagi; data tetap ada. Pengingat runs by itself no more; the data stays.

.PARAMETER RestoreServices
Pasang kembali layanan lama yang dihapus oleh install.ps1 -ReplaceServices, lalu nyalakan ulang komputer.
Put back the old services that install.ps1 -ReplaceServices removed, then restart the computer.

.PARAMETER DryRun
Hanya tunjukkan perintahnya. Only show the commands.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File uninstall.ps1
#>
param(
    [string]$Program = (Join-Path $PSScriptRoot 'pengingat.exe'),
    [switch]$RestoreServices,
    [switch]$DryRun
)

$ErrorActionPreference = 'Stop'
$arguments = @('uninstall')
if ($RestoreServices) { $arguments += '--restore-services' }
if ($DryRun) { $arguments += '--dry-run' }

& $Program @arguments
exit $LASTEXITCODE
