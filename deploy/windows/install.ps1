#Requires -RunAsAdministrator
<#
.SYNOPSIS
Memasang Pengingat: berjalan sendiri setiap jam. Installs Pengingat: it runs by itself every hour.

.DESCRIPTION
Semua dikerjakan oleh 'pengingat install'; lihat 'pengingat install --help'.
All of it is done by 'pengingat install'; see 'pengingat install --help'.

.PARAMETER Settings
Berkas pengaturan, misalnya .env milik Laravel. Bawaan: pengingat.env atau .env di folder program.
The settings file, such as Laravel's .env. Default: pengingat.env or .env in the program's folder.

.PARAMETER DryRun
Hanya tunjukkan perintahnya. Only show the commands.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -Settings D:\web\TA\perpustakaan\.env
#>
param(
    [string]$Program = (Join-Path $PSScriptRoot 'pengingat.exe'),
    [string]$Settings,
    [switch]$DryRun
)

$ErrorActionPreference = 'Stop'
$arguments = @('install')
if ($Settings) { $arguments += @('--env', (Resolve-Path -LiteralPath $Settings).ProviderPath) }
if ($DryRun) { $arguments += '--dry-run' }

& $Program @arguments
exit $LASTEXITCODE
